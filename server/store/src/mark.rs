//! Where the high-water mark stands.

use highwater_model::{Mark, Position};
use jiff_sqlx::Timestamp;
use uuid::Uuid;

use crate::{Store, StoreError};

impl Store {
    /// The mark. Its rate is of the last two seconds.
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
        // Positions are dense, so how many there are since then is a difference: every page asks for it, however idle the log is.
        let rate: f64 = sqlx::query_scalar(
            "select greatest($1 + 1 - highwater.first_position_at(clock_timestamp() - interval '2 seconds'), 0)::float8 / 2",
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
