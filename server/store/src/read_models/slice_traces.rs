//! Which traces the events of a slice are part of.

use sqlx::AssertSqlSafe;

use super::slice::{Slice, SliceError};
use super::views::slice_events;

impl Slice<'_> {
    /// What the slice's events have as their `traceparent`, of so many at most. All of the slice may have to be looked through for that,
    /// so it is asked of small ones only.
    pub async fn traceparents(
        &mut self,
        events: i32,
        most: i32,
    ) -> Result<Vec<String>, SliceError> {
        let events = slice_events(self.version_id, events);
        let sql = format!(
            "select distinct e.metadata->>'traceparent' from ({events}) e where e.metadata->>'traceparent' is not null limit {most}"
        );
        // Planned each time, as the events themselves are.
        let found = sqlx::query_scalar(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_all(&mut *self.transaction)
            .await?;
        Ok(found)
    }
}
