//! Events that failed too often.

use highwater_model::{ParkedEvent, Position};
use serde_json::json;
use uuid::Uuid;

use super::{ORDER, SubscriptionError, numbers};
use crate::Store;
use crate::read_models::Order;

type Row = (i64, Uuid, String, String, i32, String, jiff_sqlx::Timestamp);

impl Store {
    /// Parked events, the oldest first, after a position.
    pub async fn parked_events(
        &self,
        name: &str,
        after: Option<Position>,
        limit: i64,
    ) -> Result<Vec<ParkedEvent>, SubscriptionError> {
        let id: Option<i64> = sqlx::query_scalar(
            "select subscription_id from highwater.subscriptions where name = $1",
        )
        .bind(name)
        .fetch_optional(self.pool())
        .await?;
        let id = id.ok_or_else(|| SubscriptionError::Unknown {
            name: name.to_owned(),
        })?;
        let rows: Vec<Row> = sqlx::query_as(
            "select p.position, e.event_id, s.name, t.name, p.failures, p.error, p.parked_at
             from highwater.subscription_parked p join highwater.events e using (position)
             join highwater.streams s on s.stream_id = e.stream_id join highwater.event_types t on t.type_id = e.type_id
             where p.subscription_id = $1 and p.position > $2 order by p.position limit $3",
        )
        .bind(id)
        .bind(after.map_or(0, |after| after.0))
        .bind(limit.clamp(1, 1_000))
        .fetch_all(self.pool())
        .await?;
        let parked = rows.into_iter().map(
            |(position, event_id, stream, event_type, failures, error, parked_at)| ParkedEvent {
                position: Position(position),
                event_id,
                stream,
                event_type,
                failures,
                error,
                parked_at: parked_at.to_jiff(),
            },
        );
        Ok(parked.collect())
    }

    /// Gives parked events to members again, as if they had never failed: these, or as many as the window has room for.
    pub async fn retry_parked(
        &self,
        name: &str,
        positions: Option<&[Position]>,
        order: &Order,
    ) -> Result<i64, SubscriptionError> {
        let mut held = self.hold_subscription(name, ORDER).await?;
        let moved: Vec<i64> = sqlx::query_scalar(
            "with back as (delete from highwater.subscription_parked where subscription_id = $1 and position in (
               select position from highwater.subscription_parked where subscription_id = $1 and ($2::bigint[] is null or position = any ($2)) order by position limit $3)
             returning subscription_id, position, stream_id)
             insert into highwater.subscription_deliveries (subscription_id, position, stream_id) select * from back returning position",
        )
        .bind(held.id)
        .bind(positions.map(numbers))
        .bind(super::WINDOW)
        .fetch_all(&mut *held.transaction)
        .await?;
        let Some(first) = moved.iter().min() else {
            return Err(nothing(name));
        };
        sqlx::query("update highwater.subscriptions set checkpoint = least(checkpoint, $2 - 1) where subscription_id = $1")
            .bind(held.id)
            .bind(first)
            .execute(&mut *held.transaction)
            .await?;
        let count = i64::try_from(moved.len()).unwrap_or(i64::MAX);
        let after = json!({"events": count, "first": first});
        held.finish(order, "retry_parked", json!({}), after).await?;
        Ok(count)
    }

    /// Leaves parked events out for good.
    pub async fn drop_parked(
        &self,
        name: &str,
        positions: Option<&[Position]>,
        order: &Order,
    ) -> Result<i64, SubscriptionError> {
        let mut held = self.hold_subscription(name, ORDER).await?;
        let gone: Vec<i64> = sqlx::query_scalar(
            "delete from highwater.subscription_parked where subscription_id = $1 and ($2::bigint[] is null or position = any ($2)) returning position",
        )
        .bind(held.id)
        .bind(positions.map(numbers))
        .fetch_all(&mut *held.transaction)
        .await?;
        let Some(first) = gone.iter().min() else {
            return Err(nothing(name));
        };
        let count = i64::try_from(gone.len()).unwrap_or(i64::MAX);
        let named: Vec<_> = gone.iter().take(100).collect();
        let before = json!({"events": count, "first": first, "positions": named});
        held.finish(order, "drop_parked", before, json!({})).await?;
        Ok(count)
    }
}

fn nothing(name: &str) -> SubscriptionError {
    SubscriptionError::Refused(format!(
        "none of these is parked at {name}; GET /api/subscriptions/{name}/parked lists those that are"
    ))
}
