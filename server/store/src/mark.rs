//! Where the high-water mark stands.

use highwater_model::{Mark, Position};
use jiff_sqlx::Timestamp;
use uuid::Uuid;

use crate::{Store, StoreError};

impl Store {
    /// The mark. Its rate counts the last second.
    pub async fn mark(&self) -> Result<Mark, StoreError> {
        let newest: Option<(i64, Uuid, Timestamp)> =
            sqlx::query_as("select position, event_id, recorded_at from highwater.events order by position desc limit 1")
                .fetch_optional(self.pool())
                .await?;
        let seen_at = self.clock().now();
        let Some((position, event_id, recorded_at)) = newest else {
            return Ok(Mark {
                position: Position::ZERO,
                event_id: None,
                recorded_at: None,
                seen_at,
                rate: 0.0,
            });
        };
        // The position that was the newest two seconds ago, as recorded_at never runs backwards.
        let rate: f64 = sqlx::query_scalar(
            "select count(*)::float8 / 2 from (select 1 from highwater.events where position > $1 - 100000 and recorded_at > clock_timestamp() - interval '2 seconds'
             order by position desc limit 100000) recent",
        )
        .bind(position)
        .fetch_one(self.pool())
        .await?;
        Ok(Mark {
            position: Position(position),
            event_id: Some(event_id),
            recorded_at: Some(recorded_at.to_jiff()),
            seen_at,
            rate,
        })
    }
}
