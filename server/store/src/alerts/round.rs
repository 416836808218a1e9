//! A round: what was so, and what is so now, in one transaction.

use std::time::Duration;

use highwater_model::{AlertCondition, AlertKind, AlertOf};
use jiff::Timestamp as Moment;
use jiff_sqlx::{Timestamp, ToSqlx};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row as _, Transaction};
use uuid::Uuid;

use crate::{Store, StoreError, row};

/// Alerts that are not over, at most: beyond that whoever is told has heard enough.
const OPEN: i64 = 2_000;

/// A rule as it is looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedRule {
    /// Its name.
    pub name: String,
    /// When it fires.
    pub condition: AlertCondition,
    /// It is on.
    pub enabled: bool,
    /// There is a webhook to tell.
    pub tells: bool,
}

/// An alert that is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlert {
    /// Its number.
    pub id: i64,
    /// The rule.
    pub rule: String,
    /// What was looked at.
    pub kind: AlertKind,
    /// Of what.
    pub of: AlertOf,
    /// Its name.
    pub subject: String,
    /// Since when it is wrong.
    pub since: Moment,
    /// Since when it fires; none: pending.
    pub fired_at: Option<Moment>,
    /// The worst so far.
    pub value: Option<f64>,
    /// The checkpoint that stands still.
    pub anchor: Option<i64>,
    /// A sentence.
    pub words: String,
}

/// What a webhook is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The id of the `CloudEvent`.
    pub id: Uuid,
    /// Its text.
    pub body: String,
}

/// An alert as it is from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertNow {
    /// Its number; none: it is new.
    pub id: Option<i64>,
    /// The rule.
    pub rule: String,
    /// What was looked at.
    pub kind: AlertKind,
    /// Of what.
    pub of: AlertOf,
    /// Its name.
    pub subject: String,
    /// Since when it is wrong.
    pub since: Moment,
    /// Since when it fires; none: pending.
    pub fired_at: Option<Moment>,
    /// The worst so far.
    pub value: Option<f64>,
    /// The checkpoint that stands still.
    pub anchor: Option<i64>,
    /// A sentence.
    pub words: String,
    /// What is told of it now.
    pub telling: Option<Telling>,
}

/// What a round changes.
#[derive(Debug, Clone, PartialEq)]
pub enum AlertChange {
    /// It is wrong.
    Is(Box<AlertNow>),
    /// It fired, and is over.
    Over {
        /// The alert.
        id: i64,
        /// A sentence.
        words: String,
        /// What is told of it.
        telling: Option<Telling>,
    },
    /// It was pending, and is over.
    Forgotten {
        /// The alert.
        id: i64,
    },
}

/// A round that has begun. Dropped, it changes nothing.
#[derive(Debug)]
pub struct AlertRound {
    transaction: Transaction<'static, Postgres>,
    /// The database's clock: what one server began another one may go on with.
    pub now: Moment,
    /// All rules.
    pub rules: Vec<WatchedRule>,
    /// Alerts that are not over.
    pub open: Vec<OpenAlert>,
}

impl Store {
    /// Begins a round. None: another server is at it, or was less than `apart` ago, or there is nothing to look after.
    pub async fn begin_alert_round(
        &self,
        apart: Duration,
    ) -> Result<Option<AlertRound>, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let (mine, now): (bool, Timestamp) =
            sqlx::query_as("select pg_try_advisory_xact_lock(7210, 16), clock_timestamp()")
                .fetch_one(&mut *transaction)
                .await?;
        if !mine {
            return Ok(None);
        }
        // Held, so that none is removed meanwhile: nothing is to fire by a rule that is gone.
        let rules = sqlx::query(
            "select name, kind, of_what, pattern, seconds, for_s, enabled, webhook is not null as tells
             from highwater.alert_rules order by name limit 1000 for key share",
        )
        .fetch_all(&mut *transaction)
        .await?;
        let open = sqlx::query(
            "select alert_id, rule, kind, of_what, subject, since, fired_at, value, anchor, words
             from highwater.alerts where resolved_at is null order by alert_id limit $1",
        )
        .bind(OPEN)
        .fetch_all(&mut *transaction)
        .await?;
        if rules.is_empty() && open.is_empty() {
            return Ok(None);
        }
        let first = sqlx::query(
            "insert into highwater.alert_rounds as r (evaluated_at) values ($1) on conflict (the_only_row) do update set evaluated_at = excluded.evaluated_at
             where r.evaluated_at <= excluded.evaluated_at - make_interval(secs => $2) or r.evaluated_at > excluded.evaluated_at",
        )
        .bind(now)
        .bind(apart.as_secs_f64())
        .execute(&mut *transaction)
        .await?;
        if first.rows_affected() == 0 {
            return Ok(None);
        }
        let rules = rules.iter().map(watched).collect::<Result<_, _>>()?;
        let open = open.iter().map(open_alert).collect::<Result<_, _>>()?;
        Ok(Some(AlertRound {
            transaction,
            now: now.to_jiff(),
            rules,
            open,
        }))
    }
}

impl AlertRound {
    /// There is no room for more alerts.
    pub fn is_full(&self) -> bool {
        i64::try_from(self.open.len()).unwrap_or(OPEN) >= OPEN
    }

    /// Ends it with what has changed.
    pub async fn finish(mut self, changes: Vec<AlertChange>) -> Result<(), StoreError> {
        if changes.is_empty() {
            // That it was looked after can be lost in a crash, and waits for no flush.
            sqlx::query("select set_config('synchronous_commit', 'off', true)")
                .execute(&mut *self.transaction)
                .await?;
        }
        for change in changes {
            match change {
                AlertChange::Is(alert) => self.put(*alert).await?,
                AlertChange::Over { id, words, telling } => {
                    sqlx::query("update highwater.alerts set resolved_at = $2, words = $3 where alert_id = $1")
                        .bind(id)
                        .bind(self.now.to_sqlx())
                        .bind(words)
                        .execute(&mut *self.transaction)
                        .await?;
                    self.tell(id, telling).await?;
                }
                AlertChange::Forgotten { id } => {
                    sqlx::query("delete from highwater.alerts where alert_id = $1")
                        .bind(id)
                        .execute(&mut *self.transaction)
                        .await?;
                }
            }
        }
        self.transaction.commit().await?;
        Ok(())
    }

    async fn put(&mut self, alert: AlertNow) -> Result<(), StoreError> {
        let id = match alert.id {
            Some(id) => {
                sqlx::query("update highwater.alerts set since = $2, fired_at = $3, value = $4, anchor = $5, words = $6 where alert_id = $1")
                    .bind(id)
                    .bind(alert.since.to_sqlx())
                    .bind(alert.fired_at.map(ToSqlx::to_sqlx))
                    .bind(alert.value)
                    .bind(alert.anchor)
                    .bind(alert.words)
                    .execute(&mut *self.transaction)
                    .await?;
                id
            }
            None => {
                sqlx::query_scalar(
                    "insert into highwater.alerts (rule, kind, of_what, subject, since, fired_at, value, anchor, words)
                     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning alert_id",
                )
                .bind(alert.rule)
                .bind(alert.kind.as_str())
                .bind(alert.of.as_str())
                .bind(alert.subject)
                .bind(alert.since.to_sqlx())
                .bind(alert.fired_at.map(ToSqlx::to_sqlx))
                .bind(alert.value)
                .bind(alert.anchor)
                .bind(alert.words)
                .fetch_one(&mut *self.transaction)
                .await?
            }
        };
        self.tell(id, alert.telling).await
    }

    async fn tell(&mut self, alert: i64, telling: Option<Telling>) -> Result<(), StoreError> {
        let Some(telling) = telling else {
            return Ok(());
        };
        sqlx::query(
            "insert into highwater.alert_tellings (telling_id, alert_id, body) values ($1, $2, $3)",
        )
        .bind(telling.id)
        .bind(alert)
        .bind(telling.body)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}

fn watched(row: &PgRow) -> Result<WatchedRule, StoreError> {
    Ok(WatchedRule {
        name: row.try_get("name")?,
        condition: AlertCondition {
            kind: super::kind(row.try_get("kind")?)?,
            of: super::of(row.try_get("of_what")?)?,
            pattern: row.try_get("pattern")?,
            seconds: row.try_get("seconds")?,
            for_s: row.try_get("for_s")?,
        },
        enabled: row.try_get("enabled")?,
        tells: row.try_get("tells")?,
    })
}

fn open_alert(row: &PgRow) -> Result<OpenAlert, StoreError> {
    let fired_at: Option<Timestamp> = row.try_get("fired_at")?;
    Ok(OpenAlert {
        id: row.try_get("alert_id")?,
        rule: row.try_get("rule")?,
        kind: super::kind(row.try_get("kind")?)?,
        of: super::of(row.try_get("of_what")?)?,
        subject: row.try_get("subject")?,
        since: row::time(row, "since")?,
        fired_at: fired_at.map(Timestamp::to_jiff),
        value: row.try_get("value")?,
        anchor: row.try_get("anchor")?,
        words: row.try_get("words")?,
    })
}
