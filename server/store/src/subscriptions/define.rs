//! Making a subscription, changing it, removing it.

use highwater_model::filter::Filter;
use highwater_model::{StartAt, SubscriptionBody, check_subscription_name};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Held, ORDER, SubscriptionError};
use crate::read_models::{Order, actions};
use crate::{Store, wake};

/// Subscriptions that there may be.
const SUBSCRIPTIONS: i64 = 1_000;
const ATTEMPTS: i32 = 5;
const ACKNOWLEDGE_WITHIN_S: i32 = 30;
const FILTER_BYTES: usize = 4_000;

impl Store {
    /// Makes a subscription, or changes what is given of one that is there. True when it is new.
    pub async fn put_subscription(
        &self,
        name: &str,
        body: &SubscriptionBody,
        order: &Order,
    ) -> Result<bool, SubscriptionError> {
        check_subscription_name("subscription", name)?;
        check(body)?;
        let held = match self.hold_subscription(name, ORDER).await {
            Ok(held) => held,
            Err(SubscriptionError::Unknown { .. }) => {
                if self.make_subscription(name, body, order).await? {
                    return Ok(true);
                }
                // Another one has made it meanwhile.
                self.hold_subscription(name, ORDER).await?
            }
            Err(error) => return Err(error),
        };
        held.change(body, order).await?;
        Ok(false)
    }

    async fn make_subscription(
        &self,
        name: &str,
        body: &SubscriptionBody,
        order: &Order,
    ) -> Result<bool, SubscriptionError> {
        let head = wake::head(self.pool()).await?.0;
        let checkpoint = match body.from {
            None | Some(StartAt::Start) => 0,
            Some(StartAt::End) => head,
            Some(StartAt::Position(position)) if (0..=head + 1).contains(&position.0) => {
                (position.0 - 1).max(0)
            }
            Some(StartAt::Position(position)) => {
                return Err(SubscriptionError::Value(format!(
                    "from is a position of the log, which ends at {head}; this is {position}. Say \"end\" for what comes next"
                )));
            }
        };
        let mut transaction = self.pool().begin_with(ORDER).await?;
        let others: i64 = sqlx::query_scalar("select count(*) from highwater.subscriptions")
            .fetch_one(&mut *transaction)
            .await?;
        if others >= SUBSCRIPTIONS {
            return Err(SubscriptionError::Refused(format!(
                "there are {others} subscriptions, as many as there may be; remove one that nobody reads"
            )));
        }
        let made = sqlx::query(
            "insert into highwater.subscriptions (name, filter, attempts, acknowledge_within, checkpoint, looked_to)
             values ($1, $2, $3, make_interval(secs => $4), $5, $5) on conflict (name) do nothing",
        )
        .bind(name)
        .bind(body.filter.as_deref().unwrap_or_default().trim())
        .bind(body.attempts.unwrap_or(ATTEMPTS))
        .bind(body.acknowledge_within_s.unwrap_or(ACKNOWLEDGE_WITHIN_S))
        .bind(checkpoint)
        .execute(&mut *transaction)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(false);
        }
        let after =
            json!({"filter": body.filter.as_deref().unwrap_or_default(), "checkpoint": checkpoint});
        actions::record_of_subscription(&mut transaction, order, "define", name, json!({}), after)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes a subscription, its checkpoint and its parked events.
    pub async fn remove_subscription(
        &self,
        name: &str,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        let mut held = self.hold_subscription(name, ORDER).await?;
        let parked: i64 = sqlx::query_scalar(
            "select count(*) from highwater.subscription_parked where subscription_id = $1",
        )
        .bind(held.id)
        .fetch_one(&mut *held.transaction)
        .await?;
        sqlx::query("delete from highwater.subscriptions where subscription_id = $1")
            .bind(held.id)
            .execute(&mut *held.transaction)
            .await?;
        let before =
            json!({"filter": held.filter, "checkpoint": held.checkpoint, "parked": parked});
        held.finish(order, "remove", before, json!({})).await
    }
}

impl Held {
    async fn change(
        mut self,
        body: &SubscriptionBody,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        let before = settings(&mut self.transaction, self.id).await?;
        sqlx::query(
            "update highwater.subscriptions set filter = coalesce($2, filter), attempts = coalesce($3, attempts),
               acknowledge_within = coalesce(make_interval(secs => $4), acknowledge_within) where subscription_id = $1",
        )
        .bind(self.id)
        .bind(body.filter.as_deref().map(str::trim))
        .bind(body.attempts)
        .bind(body.acknowledge_within_s)
        .execute(&mut *self.transaction)
        .await?;
        let after = settings(&mut self.transaction, self.id).await?;
        if before == after {
            return Ok(());
        }
        self.finish(order, "define", before, after).await
    }

    /// Puts the action on record and commits.
    pub(super) async fn finish(
        mut self,
        order: &Order,
        action: &str,
        before: Value,
        after: Value,
    ) -> Result<(), SubscriptionError> {
        actions::record_of_subscription(
            &mut self.transaction,
            order,
            action,
            &self.name,
            before,
            after,
        )
        .await?;
        self.transaction.commit().await?;
        Ok(())
    }
}

async fn settings(connection: &mut PgConnection, id: i64) -> Result<Value, sqlx::Error> {
    let (filter, attempts, within): (String, i32, i32) = sqlx::query_as(
        "select filter, attempts, extract(epoch from acknowledge_within)::int from highwater.subscriptions where subscription_id = $1",
    )
    .bind(id)
    .fetch_one(connection)
    .await?;
    Ok(json!({"filter": filter, "attempts": attempts, "acknowledge_within_s": within}))
}

fn check(body: &SubscriptionBody) -> Result<(), SubscriptionError> {
    if let Some(filter) = &body.filter {
        Filter::parse(filter)?;
        if filter.len() > FILTER_BYTES {
            return Err(SubscriptionError::Value(format!(
                "the filter has {} bytes; {FILTER_BYTES} is the most",
                filter.len()
            )));
        }
    }
    let range = |what: &str, value: Option<i32>, most: i32| match value {
        Some(value) if !(1..=most).contains(&value) => Err(SubscriptionError::Value(format!(
            "{what} is 1 to {most}; this is {value}"
        ))),
        _ => Ok(()),
    };
    range("attempts", body.attempts, 100)?;
    range("acknowledge_within_s", body.acknowledge_within_s, 3_600)
}
