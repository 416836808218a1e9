//! What waits to be told, and what became of it.

use sqlx::Row as _;
use uuid::Uuid;

use crate::{Store, StoreError};

/// Messages that wait, at most: of more, the oldest are given up.
const WAITING: i64 = 1_000;
/// How long whoever sends a message has for it; then another server may.
const SENDING_S: i32 = 30;

/// A message that is to be sent now.
#[derive(Clone)]
pub struct DueTelling {
    /// The id of the `CloudEvent`.
    pub id: Uuid,
    /// The rule.
    pub rule: String,
    /// Where it goes.
    pub webhook: String,
    /// By what it is signed.
    pub secret: Option<String>,
    /// Its text.
    pub body: String,
    /// How often it was sent, this time included.
    pub attempts: i32,
}

/// Without secret and address.
impl std::fmt::Debug for DueTelling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DueTelling")
            .field("id", &self.id)
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Takes messages that are due, the oldest of each rule: one webhook that does not answer holds up no other, and of an alert it is
    /// told in order. Whoever has taken one says what became of it.
    pub async fn take_due_tellings(&self, most: i64) -> Result<Vec<DueTelling>, StoreError> {
        let rows = sqlx::query(
            "with due as (
               select distinct on (r.name) t.telling_id
               from highwater.alert_tellings t join highwater.alerts a using (alert_id) join highwater.alert_rules r on r.name = a.rule
               where t.told_at is null and t.given_up_at is null and t.next_at <= clock_timestamp() and r.webhook is not null
                 and not exists (select from highwater.alert_tellings e where e.alert_id = t.alert_id and e.made_at < t.made_at
                   and e.told_at is null and e.given_up_at is null)
               order by r.name, t.next_at, t.made_at limit $1)
             update highwater.alert_tellings t set attempts = t.attempts + 1, next_at = clock_timestamp() + make_interval(secs => $2)
             from highwater.alerts a join highwater.alert_rules r on r.name = a.rule
             where t.telling_id in (select telling_id from due) and a.alert_id = t.alert_id and r.webhook is not null
               -- Asked again of the row as it is now: another server may have been faster.
               and t.told_at is null and t.given_up_at is null and t.next_at <= clock_timestamp()
             returning t.telling_id, a.rule, r.webhook, r.secret, t.body, t.attempts",
        )
        .bind(most)
        .bind(f64::from(SENDING_S))
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(DueTelling {
                    id: row.try_get("telling_id")?,
                    rule: row.try_get("rule")?,
                    webhook: row.try_get("webhook")?,
                    secret: row.try_get("secret")?,
                    body: row.try_get("body")?,
                    attempts: row.try_get("attempts")?,
                })
            })
            .collect()
    }

    /// The webhook took it.
    pub async fn note_told(&self, id: Uuid) -> Result<(), StoreError> {
        sqlx::query("update highwater.alert_tellings set told_at = clock_timestamp(), error = null where telling_id = $1")
            .bind(id)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// It did not: it is tried again after 2, 4, 8, … s, an hour at most.
    pub async fn note_untold(&self, id: Uuid, error: &str) -> Result<(), StoreError> {
        sqlx::query(
            "update highwater.alert_tellings
             set error = $2, next_at = clock_timestamp() + least(power(2, least(attempts, 20)) * interval '1 second', interval '1 hour')
             where telling_id = $1 and told_at is null",
        )
        .bind(id)
        .bind(error)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Gives up what waits for longer than three days, or is too much; forgets alerts that were over 30 days ago, or are more than 10,000.
    pub async fn prune_alerts(&self) -> Result<(), StoreError> {
        sqlx::query(
            "update highwater.alert_tellings set given_up_at = clock_timestamp(), error = coalesce(error, 'too many messages wait')
             where told_at is null and given_up_at is null and (made_at < clock_timestamp() - interval '3 days' or telling_id in (
               select telling_id from highwater.alert_tellings where told_at is null and given_up_at is null order by made_at desc offset $1))",
        )
        .bind(WAITING)
        .execute(self.pool())
        .await?;
        sqlx::query(
            "delete from highwater.alerts where resolved_at < clock_timestamp() - interval '30 days' or alert_id in (
               select alert_id from highwater.alerts where resolved_at is not null order by resolved_at desc, alert_id desc offset 10000)",
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
