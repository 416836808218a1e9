//! The rules, as operators write them.

use highwater_model::{AlertCondition, AlertRule, AlertRuleBody, check_rule_name, webhook_host};
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::AlertRuleError;
use crate::read_models::{Order, actions};
use crate::{Store, StoreError, row};

/// Rules that there may be: each is looked after every few seconds.
const RULES: i64 = 100;
/// A round holds its rules for a moment; nobody waits for long.
const ORDER: &str = "begin; set local lock_timeout = '10s'";

const SELECT: &str = "
    select r.name, r.kind, r.of_what, r.pattern, r.seconds, r.for_s, r.enabled, r.webhook, r.secret is not null as signed, r.made_by, r.made_at,
      o.pending, o.firing,
      (select max(a.fired_at) from highwater.alerts a where a.rule = r.name) as fired_at,
      (select count(*) from highwater.alert_tellings t join highwater.alerts a using (alert_id)
       where a.rule = r.name and t.told_at is null and t.given_up_at is null) as untold
    from highwater.alert_rules r
    cross join lateral (
      select count(*) filter (where a.fired_at is null) as pending, count(*) filter (where a.fired_at is not null) as firing
      from highwater.alerts a where a.rule = r.name and a.resolved_at is null
    ) o
    where $1::text is null or r.name = $1 order by r.name limit 1000";

fn rule(row: &PgRow) -> Result<AlertRule, StoreError> {
    let fired_at: Option<jiff_sqlx::Timestamp> = row.try_get("fired_at")?;
    Ok(AlertRule {
        name: row.try_get("name")?,
        kind: super::kind(row.try_get("kind")?)?,
        of: super::of(row.try_get("of_what")?)?,
        pattern: row.try_get("pattern")?,
        seconds: row.try_get("seconds")?,
        for_s: row.try_get("for_s")?,
        enabled: row.try_get("enabled")?,
        webhook: row.try_get("webhook")?,
        signed: row.try_get("signed")?,
        made_by: row.try_get("made_by")?,
        made_at: row::time(row, "made_at")?,
        pending: row.try_get("pending")?,
        firing: row.try_get("firing")?,
        fired_at: fired_at.map(jiff_sqlx::Timestamp::to_jiff),
        untold: row.try_get("untold")?,
    })
}

/// As the audit log has it: who is told, but not by which address, and not the secret.
fn facts(name: &str, rule: &AlertCondition, enabled: bool, webhook: Option<&str>) -> Value {
    json!({
        "rule": name,
        "kind": rule.kind.as_str(),
        "fires": rule.to_string(),
        "enabled": enabled,
        "webhook": webhook.map(webhook_host),
    })
}

impl Store {
    /// Every rule, by name.
    pub async fn alert_rules(&self) -> Result<Vec<AlertRule>, StoreError> {
        let rows = sqlx::query(SELECT)
            .bind(None::<&str>)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(rule).collect()
    }

    /// One rule.
    pub async fn alert_rule(&self, name: &str) -> Result<Option<AlertRule>, StoreError> {
        let row = sqlx::query(SELECT)
            .bind(name)
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(rule).transpose()
    }

    /// By what the messages of a rule are signed.
    pub async fn alert_rule_secret(&self, name: &str) -> Result<Option<String>, StoreError> {
        let found: Option<Option<String>> =
            sqlx::query_scalar("select secret from highwater.alert_rules where name = $1")
                .bind(name)
                .fetch_optional(self.pool())
                .await?;
        Ok(found.flatten())
    }

    /// Writes a rule, on record; true when it is new. What fires by it goes on if it is still wrong by what the rule is now.
    pub async fn put_alert_rule(
        &self,
        name: &str,
        body: &AlertRuleBody,
        order: &Order,
    ) -> Result<bool, AlertRuleError> {
        check_rule_name(name)?;
        let condition = body.condition()?;
        let enabled = body.enabled.unwrap_or(true);
        let before = self.alert_rule(name).await?;
        let mut transaction = self.pool().begin_with(ORDER).await?;
        if before.is_none() {
            let others: i64 = sqlx::query_scalar("select count(*) from highwater.alert_rules")
                .fetch_one(&mut *transaction)
                .await?;
            if others >= RULES {
                return Err(AlertRuleError::Refused(format!(
                    "there are {others} rules, as many as there may be; let one be of several read models (orders*), or remove one"
                )));
            }
        }
        sqlx::query(
            "insert into highwater.alert_rules as r (name, kind, of_what, pattern, seconds, for_s, enabled, webhook, secret, made_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9::text, ''), $10)
             on conflict (name) do update set kind = excluded.kind, of_what = excluded.of_what, pattern = excluded.pattern,
               seconds = excluded.seconds, for_s = excluded.for_s, enabled = excluded.enabled, webhook = excluded.webhook,
               secret = case when excluded.webhook is null then null when $9::text is null then r.secret else excluded.secret end",
        )
        .bind(name)
        .bind(condition.kind.as_str())
        .bind(condition.of.as_str())
        .bind(&condition.pattern)
        .bind(condition.seconds)
        .bind(condition.for_s)
        .bind(enabled)
        .bind(&body.webhook)
        .bind(&body.secret)
        .bind(&order.actor)
        .execute(&mut *transaction)
        .await?;
        if body.webhook.is_none() {
            give_up(&mut transaction, name, "the rule has no webhook any more").await?;
        }
        let was = before.as_ref().map_or_else(
            || json!({}),
            |was| facts(name, &was.condition(), was.enabled, was.webhook.as_deref()),
        );
        let mut is = facts(name, &condition, enabled, body.webhook.as_deref());
        is["secret"] = match body.secret.as_deref() {
            None => json!("as it was"),
            Some("") => json!("none"),
            Some(_) => json!("another"),
        };
        actions::record_of_store(&mut transaction, order, "define_alert_rule", was, is).await?;
        transaction.commit().await?;
        Ok(before.is_none())
    }

    /// Removes a rule, on record; answers whether there was one. What fires by it is over, and nobody is told of that.
    pub async fn remove_alert_rule(&self, name: &str, order: &Order) -> Result<bool, StoreError> {
        let Some(was) = self.alert_rule(name).await? else {
            return Ok(false);
        };
        let mut transaction = self.pool().begin_with(ORDER).await?;
        let gone = sqlx::query("delete from highwater.alert_rules where name = $1")
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        if gone.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "delete from highwater.alerts where rule = $1 and fired_at is null and resolved_at is null",
        )
        .bind(name)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "update highwater.alerts set resolved_at = clock_timestamp(), words = $2 where rule = $1 and resolved_at is null",
        )
        .bind(name)
        .bind(format!("The rule was removed by {}.", order.actor))
        .execute(&mut *transaction)
        .await?;
        give_up(&mut transaction, name, "the rule was removed").await?;
        let before = facts(name, &was.condition(), was.enabled, was.webhook.as_deref());
        actions::record_of_store(
            &mut transaction,
            order,
            "remove_alert_rule",
            before,
            json!({"rule": name}),
        )
        .await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Tells nobody any more what waits to be told by a rule.
async fn give_up(connection: &mut PgConnection, rule: &str, why: &str) -> Result<(), StoreError> {
    sqlx::query(
        "update highwater.alert_tellings t set given_up_at = clock_timestamp(), error = $2 from highwater.alerts a
         where a.alert_id = t.alert_id and a.rule = $1 and t.told_at is null and t.given_up_at is null",
    )
    .bind(rule)
    .bind(why)
    .execute(connection)
    .await?;
    Ok(())
}
