//! Orders in production that wait for a second person.
//!
//! `open` → `carrying_out` → `done`, `failed` or `unknown`; or `open` → `declined` or `withdrawn`. Each step is one conditional update, so
//! of two people, or two servers, one takes it. What began to be carried out is never begun again: where the server died meanwhile the
//! outcome is unknown.

use highwater_model::{Approval, ApprovalState, Right};
use jiff_sqlx::Timestamp;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Open ones, at most: more are no orders that anybody reads, and a list shows each of these.
const OPEN: i64 = 150;
/// Open ones of one person, at most, so that nobody takes the places of all.
const OPEN_OF_ONE: i64 = 50;
/// How long those that are over are kept; the audit log keeps that they were.
const KEPT_DAYS: i32 = 90;
/// How long an order takes at most before nobody believes that it is still carried out.
const CARRIED_OUT_MINUTES: i32 = 10;

/// An order that is to wait.
#[derive(Debug, Clone, Copy)]
pub struct AskedOrder<'a> {
    /// The user behind it.
    pub person: &'a str,
    /// Its method.
    pub method: &'a str,
    /// Its path, with the query.
    pub path: &'a str,
    /// What was sent along.
    pub body: &'a str,
    /// The name that was typed.
    pub subject: &'a str,
    /// One of these rights is needed.
    pub needs: &'a [Right],
    /// How long it waits, in seconds.
    pub valid_s: i64,
}

/// What became of an order that was to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It waits, by this number.
    Waits(i64),
    /// Not kept: too many wait.
    TooMany,
    /// Not kept: too many of the same person's wait.
    TooManyOfOne,
}

/// An order that was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptOrder {
    /// What of it is shown.
    pub approval: Approval,
    /// What was sent along, as it was sent.
    pub body: String,
}

impl Store {
    /// Keeps an order until a second person has decided. The same order of the same caller is kept once.
    pub async fn ask_approval(
        &self,
        asked: &AskedOrder<'_>,
        order: &Order,
    ) -> Result<Asked, StoreError> {
        let mut transaction = self.pool().begin().await?;
        // One at a time, so that a button that is pressed twice asks once.
        sqlx::query("select pg_advisory_xact_lock(7210, 17)")
            .execute(&mut *transaction)
            .await?;
        let same: Option<i64> = sqlx::query_scalar(
            "select approval_id from highwater.approvals
             where state = 'open' and expires_at > clock_timestamp() and asked_by = $1 and method = $2 and path = $3 and body = $4 limit 1",
        )
        .bind(&order.actor)
        .bind(asked.method)
        .bind(asked.path)
        .bind(asked.body)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(same) = same {
            return Ok(Asked::Waits(same));
        }
        let (open, of_one): (i64, i64) = sqlx::query_as(
            "select count(*), count(*) filter (where lower(person) = lower($1))
             from highwater.approvals where state = 'open' and expires_at > clock_timestamp()",
        )
        .bind(asked.person)
        .fetch_one(&mut *transaction)
        .await?;
        if of_one >= OPEN_OF_ONE {
            return Ok(Asked::TooManyOfOne);
        }
        if open >= OPEN {
            return Ok(Asked::TooMany);
        }
        sqlx::query(
            "delete from highwater.approvals where state <> 'carrying_out'
               and greatest(asked_at, expires_at, decided_at) < clock_timestamp() - $1 * interval '1 day'",
        )
        .bind(KEPT_DAYS)
        .execute(&mut *transaction)
        .await?;
        let needs: Vec<&str> = asked.needs.iter().map(|right| right.as_str()).collect();
        let id: i64 = sqlx::query_scalar(
            "insert into highwater.approvals (asked_by, person, expires_at, method, path, body, subject, needs, reason)
             values ($1, $2, clock_timestamp() + $3 * interval '1 second', $4, $5, $6, $7, $8, $9) returning approval_id",
        )
        .bind(&order.actor)
        .bind(asked.person)
        .bind(asked.valid_s)
        .bind(asked.method)
        .bind(asked.path)
        .bind(asked.body)
        .bind(asked.subject)
        .bind(&needs)
        .bind(&order.reason)
        .fetch_one(&mut *transaction)
        .await?;
        let after = json!({"approval": id, "order": called(asked.method, asked.path)});
        actions::record_of_store(&mut transaction, order, "ask_approval", json!({}), after).await?;
        transaction.commit().await?;
        Ok(Asked::Waits(id))
    }

    /// One of them.
    pub async fn approval(&self, id: i64) -> Result<Option<KeptOrder>, StoreError> {
        let sql = select("body", "where approval_id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        row.as_ref().map(kept).transpose()
    }

    /// Those that are not over, the oldest first; then those that are, the newest first, without what was sent along. So many at most.
    pub async fn approvals(&self, limit: i64) -> Result<Vec<Approval>, StoreError> {
        let sql = select(
            "case when is_over then '' else body end",
            "order by case when is_over then 1 else 0 end, case when is_over then -approval_id else approval_id end limit $1",
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(limit)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| Ok(kept(row)?.approval)).collect()
    }

    /// Those that wait, the oldest first, without what was sent along. So many at most.
    pub async fn open_approvals(&self, limit: i64) -> Result<Vec<Approval>, StoreError> {
        let sql = select("''", "where now_is = 'open' order by approval_id limit $1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(limit)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| Ok(kept(row)?.approval)).collect()
    }

    /// Whether the user by whose name it was asked for is the one who asked: one made since then is another person.
    pub async fn is_asked_by_user(&self, id: i64) -> Result<bool, StoreError> {
        let found: bool = sqlx::query_scalar(
            "select exists (select from highwater.approvals a join highwater.users u
               on lower(u.name) = lower(a.asked_by) and u.created_at <= a.asked_at where a.approval_id = $1)",
        )
        .bind(id)
        .fetch_one(self.pool())
        .await?;
        Ok(found)
    }

    /// Takes an open one to this state: `carrying_out`, `declined` or `withdrawn`, by whoever orders that. False: it is no longer open, or
    /// not theirs to decide.
    pub async fn decide_approval(
        &self,
        id: i64,
        to: ApprovalState,
        order: &Order,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let found: Option<(String, String, String)> = sqlx::query_as(
            "update highwater.approvals set state = $2, decided_by = $3, decided_at = clock_timestamp(), comment = $4
             where approval_id = $1 and state = 'open' and expires_at > clock_timestamp()
               and (lower(person) = lower($3) or asked_by = $3) = ($2 = 'withdrawn')
             returning asked_by, method, path",
        )
        .bind(id)
        .bind(to.as_str())
        .bind(&order.actor)
        .bind(&order.reason)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((asked_by, method, path)) = found else {
            return Ok(false);
        };
        let action = match to {
            ApprovalState::CarryingOut => "approve",
            ApprovalState::Declined => "decline",
            _ => "withdraw",
        };
        let after = json!({"approval": id, "asked_by": asked_by, "order": called(&method, &path)});
        actions::record_of_store(&mut transaction, order, action, json!({}), after).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Notes how an order ended that was carried out.
    pub async fn end_approval(
        &self,
        id: i64,
        to: ApprovalState,
        status: u16,
        said: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update highwater.approvals set state = $2, status = $3, said = $4 where approval_id = $1 and state = 'carrying_out'",
        )
        .bind(id)
        .bind(to.as_str())
        .bind(i32::from(status))
        // A text of the database's has no NUL.
        .bind(said.map(|said| said.replace('\0', "")))
        .execute(self.pool())
        .await?;
        Ok(())
    }
}

/// `DELETE /api/subscriptions/mailer`, without the query: that has the reason, which stands elsewhere.
fn called(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    format!("{method} {path}")
}

/// Them as they are now, with what follows from the time; `body` says what is read of what was sent along, which may be much.
fn select(body: &str, which: &str) -> String {
    format!(
        "select approval_id, asked_by, person, asked_at, expires_at, method, path, {body} as body, subject, needs, reason,
           decided_by, decided_at, comment, status, said, now_is
         from (select *, now_is not in ('open', 'carrying_out') as is_over from (select *,
           case when state = 'open' and expires_at <= clock_timestamp() then 'expired'
                when state = 'carrying_out' and decided_at < clock_timestamp() - interval '{CARRIED_OUT_MINUTES} minutes' then 'unknown'
                else state end as now_is
         from highwater.approvals) a) b {which}"
    )
}

fn kept(row: &PgRow) -> Result<KeptOrder, StoreError> {
    let stored: String = row.try_get("now_is")?;
    let state = ApprovalState::named(&stored).ok_or_else(|| means_nothing(&stored))?;
    let needs: Vec<String> = row.try_get("needs")?;
    let needs: Result<Vec<Right>, StoreError> = needs
        .iter()
        .map(|stored| Right::named(stored).ok_or_else(|| means_nothing(stored)))
        .collect();
    let body: String = row.try_get("body")?;
    let status: Option<i32> = row.try_get("status")?;
    let decided_at: Option<Timestamp> = row.try_get("decided_at")?;
    let approval = Approval {
        id: row.try_get("approval_id")?,
        state,
        asked_by: row.try_get("asked_by")?,
        person: row.try_get("person")?,
        asked_at: row.try_get::<Timestamp, _>("asked_at")?.to_jiff(),
        expires_at: row.try_get::<Timestamp, _>("expires_at")?.to_jiff(),
        method: row.try_get("method")?,
        path: row.try_get("path")?,
        body: shown(&body),
        subject: row.try_get("subject")?,
        needs: needs?,
        reason: row.try_get("reason")?,
        decided_by: row.try_get("decided_by")?,
        decided_at: decided_at.map(Timestamp::to_jiff),
        comment: row.try_get("comment")?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        said: row.try_get("said")?,
        may_decide: false,
        is_mine: false,
    };
    Ok(KeptOrder { approval, body })
}

/// JSON, or the text that a definition is.
fn shown(body: &str) -> Option<Value> {
    if body.is_empty() {
        return None;
    }
    Some(serde_json::from_str(body).unwrap_or_else(|_| body.into()))
}

fn means_nothing(stored: &str) -> StoreError {
    StoreError::Broken(format!(
        "an approval in the database has {stored:?}, which means nothing"
    ))
}
