//! Categories.

use highwater_model::CategorySummary;
use jiff_sqlx::Timestamp;

use crate::{Store, StoreError};

impl Store {
    /// Every category (1,000 at most), most events first.
    pub async fn categories(&self) -> Result<Vec<CategorySummary>, StoreError> {
        let rows: Vec<(String, i64, i64, Timestamp, Timestamp)> = sqlx::query_as(
            "select category, sum(streams)::bigint, sum(count)::bigint, min(first_recorded_at), max(last_recorded_at)
             from highwater.category_blocks group by category order by 3 desc, category limit 1000",
        )
        .fetch_all(self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(|(category, streams, events, first, last)| CategorySummary {
                category,
                streams,
                events,
                first_recorded_at: first.to_jiff(),
                last_recorded_at: last.to_jiff(),
            })
            .collect())
    }
}
