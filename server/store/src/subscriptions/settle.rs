//! What becomes of events that members have: acknowledged, failed, parked, taken back.

use highwater_model::{Acknowledged, FailedDelivery, Position};

use super::{Ask, DELIVER, Held, SubscriptionError, move_checkpoint, numbers};
use crate::Store;

/// What was said of a failure is kept to so many characters.
const ERROR_CHARS: usize = 2_000;

impl Store {
    /// Takes back what members did not acknowledge in time. True when there may be something for a member now: that, or an event whose pause
    /// after a failure is over.
    pub async fn take_back_deliveries(&self, name: &str) -> Result<bool, SubscriptionError> {
        let (late, due): (bool, bool) = sqlx::query_as(
            "select coalesce(bool_or(w.until is not null), false), coalesce(bool_or(w.until is null), false) from highwater.subscriptions s cross join lateral (
               select d.until from highwater.subscription_deliveries d where d.subscription_id = s.subscription_id and d.position > s.checkpoint
                 and (d.until < clock_timestamp() or d.until is null and d.due_at < clock_timestamp())
               offset 0) w
             where s.name = $1",
        )
        .bind(name)
        .fetch_one(self.pool())
        .await?;
        if late {
            let mut held = self.hold_subscription(name, DELIVER).await?;
            held.take_back().await?;
            held.transaction.commit().await?;
        }
        Ok(late || due)
    }

    /// A member is gone: others get what it had. `broken`: it did not say goodbye, so the event that it was at may be why.
    pub async fn release_deliveries(
        &self,
        name: &str,
        member: &str,
        broken: bool,
    ) -> Result<(), SubscriptionError> {
        let mut held = self.hold_subscription(name, DELIVER).await?;
        let first: Option<i64> = sqlx::query_scalar(
            "select min(position) from highwater.subscription_deliveries where subscription_id = $1 and position > $2 and member = $3",
        )
        .bind(held.id)
        .bind(held.checkpoint)
        .bind(member)
        .fetch_one(&mut *held.transaction)
        .await?;
        if let Some(position) = first.filter(|_| broken) {
            let lost = FailedDelivery {
                position: Position(position),
                error: format!("the connection of {member} ended before it was acknowledged"),
            };
            held.fail(member, &[lost]).await?;
            held.park().await?;
        }
        sqlx::query(
            "update highwater.subscription_deliveries set member = null, until = null where subscription_id = $1 and position > $2 and member = $3",
        )
        .bind(held.id)
        .bind(held.checkpoint)
        .bind(member)
        .execute(&mut *held.transaction)
        .await?;
        sqlx::query(
            "update highwater.subscription_members set seen_at = least(seen_at, clock_timestamp() - (select acknowledge_within from highwater.subscriptions where subscription_id = $1))
             where subscription_id = $1 and member = $2",
        )
        .bind(held.id)
        .bind(member)
        .execute(&mut *held.transaction)
        .await?;
        move_checkpoint(&mut held.transaction, held.id, 0).await?;
        held.transaction.commit().await?;
        Ok(())
    }
}

impl Held {
    /// Takes what the member says.
    pub(super) async fn settle(&mut self, ask: Ask<'_>) -> Result<Acknowledged, SubscriptionError> {
        let mut answer = Acknowledged {
            acknowledged: 0,
            failed: 0,
            not_held: Vec::new(),
        };
        if ask.acknowledge.is_empty() && ask.failed.is_empty() {
            return Ok(answer);
        }
        let done: Vec<i64> = sqlx::query_scalar(
            "delete from highwater.subscription_deliveries where subscription_id = $1 and position = any ($2) and member = $3 returning position",
        )
        .bind(self.id)
        .bind(numbers(ask.acknowledge))
        .bind(ask.member)
        .fetch_all(&mut *self.transaction)
        .await?;
        let failed = self.fail(ask.member, ask.failed).await?;
        if !failed.is_empty() {
            self.park().await?;
        }
        let said = ask.acknowledge.iter().map(|position| (position, &done));
        let said = said.chain(ask.failed.iter().map(|one| (&one.position, &failed)));
        answer.not_held = said
            .filter(|(position, took)| !took.contains(&position.0))
            .map(|(position, _)| *position)
            .collect();
        answer.acknowledged = i64::try_from(done.len()).unwrap_or(i64::MAX);
        answer.failed = i64::try_from(failed.len()).unwrap_or(i64::MAX);
        sqlx::query("update highwater.subscription_members set acknowledged = acknowledged + $3 where subscription_id = $1 and member = $2")
            .bind(self.id)
            .bind(ask.member)
            .bind(answer.acknowledged)
            .execute(&mut *self.transaction)
            .await?;
        move_checkpoint(&mut self.transaction, self.id, answer.acknowledged).await?;
        Ok(answer)
    }

    /// Counts failures of what a member has, and lets them wait: 1 s, then twice as long each time, a minute at most.
    async fn fail(
        &mut self,
        member: &str,
        failed: &[FailedDelivery],
    ) -> Result<Vec<i64>, SubscriptionError> {
        if failed.is_empty() {
            return Ok(Vec::new());
        }
        let errors: Vec<String> = failed
            .iter()
            .map(|one| {
                let error = one.error.trim().replace('\0', "");
                let error: String = error.chars().take(ERROR_CHARS).collect();
                if error.is_empty() {
                    "(nothing was said)".to_owned()
                } else {
                    error
                }
            })
            .collect();
        Ok(sqlx::query_scalar(
            "update highwater.subscription_deliveries d set failures = d.failures + 1, error = f.error, member = null, until = null,
               due_at = clock_timestamp() + make_interval(secs => least(60, power(2, least(d.failures, 10))))
             from unnest($3::bigint[], $4::text[]) f(position, error) where d.subscription_id = $1 and d.position = f.position and d.member = $2
             returning d.position",
        )
        .bind(self.id)
        .bind(member)
        .bind(failed.iter().map(|one| one.position.0).collect::<Vec<_>>())
        .bind(errors)
        .fetch_all(&mut *self.transaction)
        .await?)
    }

    /// Parks what has failed too often.
    async fn park(&mut self) -> Result<(), SubscriptionError> {
        sqlx::query(
            "with gone as (delete from highwater.subscription_deliveries
               where subscription_id = $1 and position > $2 and failures >= $3 and member is null returning *)
             insert into highwater.subscription_parked (subscription_id, position, stream_id, failures, error)
             select subscription_id, position, stream_id, failures, error from gone",
        )
        .bind(self.id)
        .bind(self.checkpoint)
        .bind(self.attempts)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Takes back what was not acknowledged in time. Members handle their events in order, so only the oldest that one has counts as failed: it
    /// has not come to the others.
    pub(super) async fn take_back(&mut self) -> Result<(), SubscriptionError> {
        let late: Vec<(String, i64, bool)> = sqlx::query_as(
            "select h.member, h.position, h.is_first from (
               select d.member, d.position, d.until, d.position = min(d.position) over (partition by d.member) as is_first
               from highwater.subscription_deliveries d where d.subscription_id = $1 and d.position > $2 and d.member is not null) h
             where h.until < clock_timestamp()",
        )
        .bind(self.id)
        .bind(self.checkpoint)
        .fetch_all(&mut *self.transaction)
        .await?;
        if late.is_empty() {
            return Ok(());
        }
        for (member, position, _) in late.iter().filter(|one| one.2) {
            let failed = FailedDelivery {
                position: Position(*position),
                error: format!("{member} did not acknowledge it in time"),
            };
            self.fail(member, &[failed]).await?;
        }
        sqlx::query(
            "update highwater.subscription_deliveries set member = null, until = null where subscription_id = $1 and position = any ($2)",
        )
        .bind(self.id)
        .bind(late.iter().map(|one| one.1).collect::<Vec<_>>())
        .execute(&mut *self.transaction)
        .await?;
        self.park().await?;
        move_checkpoint(&mut self.transaction, self.id, 0).await?;
        Ok(())
    }
}
