//! What an operator orders of a subscription.

use highwater_model::filter::Filter;
use highwater_model::{MovePlan, Position};
use serde_json::json;

use super::{Held, ORDER, SubscriptionError};
use crate::read_models::Order;
use crate::{Direction, LogQuery, Store, wake};

/// Events that a plan counts.
const COUNTED: usize = 1_000;

impl Store {
    /// Gives members nothing until it is resumed.
    pub async fn pause_subscription(
        &self,
        name: &str,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        let held = self.hold_subscription(name, ORDER).await?;
        if held.state == "paused" {
            return Err(SubscriptionError::Refused(format!(
                "{name} is paused already"
            )));
        }
        held.set("paused", order).await
    }

    /// Lets it go on.
    pub async fn resume_subscription(
        &self,
        name: &str,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        let held = self.hold_subscription(name, ORDER).await?;
        if held.state != "paused" {
            return Err(SubscriptionError::Refused(format!("{name} is not paused")));
        }
        held.set("running", order).await
    }

    /// What a move to a position would come to: a replay from it when it is behind the checkpoint, else a skip of everything up to it.
    pub async fn plan_move(
        &self,
        name: &str,
        position: Position,
    ) -> Result<MovePlan, SubscriptionError> {
        let row: Option<(String, i64)> = sqlx::query_as(
            "select filter, checkpoint from highwater.subscriptions where name = $1",
        )
        .bind(name)
        .fetch_optional(self.pool())
        .await?;
        let (filter, checkpoint) = row.ok_or_else(|| SubscriptionError::Unknown {
            name: name.to_owned(),
        })?;
        let head = wake::head(self.pool()).await?.0;
        within(position, head)?;
        let back = position.0 <= checkpoint;
        let (after, upto) = if back {
            (position.0 - 1, checkpoint)
        } else {
            (checkpoint, position.0)
        };
        let query = LogQuery {
            after: Some(Position(after)),
            before: Some(Position(upto + 1)),
            limit: COUNTED,
            direction: Direction::Forward,
            filter: Filter::parse(&filter)?,
        };
        let page = self.read_log(query).await?;
        Ok(MovePlan {
            checkpoint: Position(checkpoint),
            to: Position(if back { after } else { upto }),
            matching: i64::try_from(page.events.len()).unwrap_or(i64::MAX),
            capped: page.next.is_some(),
        })
    }

    /// Delivers again from a position on. What members have, what waits and what is parked from there on is delivered anew.
    pub async fn replay_subscription(
        &self,
        name: &str,
        from: Position,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        let mut held = self.hold_subscription(name, ORDER).await?;
        let head = wake::head(self.pool()).await?.0;
        within(from, head)?;
        if from.0 > held.checkpoint {
            return Err(SubscriptionError::Refused(format!(
                "{name} is not behind position {from} yet: its checkpoint is {}; what is not acknowledged is delivered anyway",
                held.checkpoint
            )));
        }
        let mut parked = 0;
        for (gone, counts) in [
            (
                "delete from highwater.subscription_deliveries where subscription_id = $1 and position >= $2",
                false,
            ),
            (
                "delete from highwater.subscription_parked where subscription_id = $1 and position >= $2",
                true,
            ),
        ] {
            let done = sqlx::query(gone)
                .bind(held.id)
                .bind(from.0)
                .execute(&mut *held.transaction)
                .await?;
            if counts {
                parked = done.rows_affected();
            }
        }
        held.stand_at(from.0 - 1).await?;
        let before =
            json!({"checkpoint": held.checkpoint, "looked_to": held.looked_to, "parked": parked});
        held.finish(order, "replay", before, json!({"checkpoint": from.0 - 1}))
            .await
    }

    /// Leaves out everything up to a position. What is parked stays parked.
    pub async fn skip_subscription(
        &self,
        name: &str,
        upto: Position,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        let mut held = self.hold_subscription(name, ORDER).await?;
        let head = wake::head(self.pool()).await?.0;
        within(upto, head)?;
        if upto.0 <= held.checkpoint {
            return Err(SubscriptionError::Refused(format!(
                "{name} is behind position {upto} already: its checkpoint is {}; a replay goes back",
                held.checkpoint
            )));
        }
        let left = sqlx::query(
            "delete from highwater.subscription_deliveries where subscription_id = $1 and position <= $2",
        )
        .bind(held.id)
        .bind(upto.0)
        .execute(&mut *held.transaction)
        .await?
        .rows_affected();
        held.stand_at(upto.0).await?;
        let before = json!({"checkpoint": held.checkpoint});
        let after = json!({"checkpoint": upto.0, "left_out_of_the_window": left});
        held.finish(order, "skip", before, after).await
    }
}

impl Held {
    async fn set(mut self, state: &str, order: &Order) -> Result<(), SubscriptionError> {
        sqlx::query(
            "update highwater.subscriptions set state = $2, reason = $3, since = clock_timestamp() where subscription_id = $1",
        )
        .bind(self.id)
        .bind(state)
        .bind(order.reason.as_deref().filter(|_| state == "paused"))
        .execute(&mut *self.transaction)
        .await?;
        let action = if state == "paused" { "pause" } else { "resume" };
        let before = json!({"state": self.state, "checkpoint": self.checkpoint});
        let after = json!({"state": state});
        self.finish(order, action, before, after).await
    }

    /// The window was cut at `position`: what is looked through, and the checkpoint, follow from what is left.
    async fn stand_at(&mut self, position: i64) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update highwater.subscriptions s set looked_to = n.looked_to, checkpoint = coalesce(
               (select min(d.position) - 1 from highwater.subscription_deliveries d where d.subscription_id = $1), n.looked_to)
             from (select case when $2 < checkpoint then $2 else greatest(looked_to, $2) end as looked_to from highwater.subscriptions where subscription_id = $1) n
             where s.subscription_id = $1",
        )
        .bind(self.id)
        .bind(position)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}

fn within(position: Position, head: i64) -> Result<(), SubscriptionError> {
    if (1..=head).contains(&position.0) {
        return Ok(());
    }
    Err(SubscriptionError::Value(format!(
        "a position of the log is 1 to {head}; this is {position}"
    )))
}
