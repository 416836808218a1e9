//! Links that show the Stage to somebody without a login.

use highwater_model::{NewShareBody, Share};
use serde_json::json;

use super::SecretHash;
use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Links that are listed.
const LISTED: i64 = 1_000;
/// Hours that a link works.
const HOURS: std::ops::RangeInclusive<i64> = 1..=720;

const COLUMNS: &str = "share_id, since, until, created_by, created_at, expires_at, seen_at";

type Row = (
    i64,
    Option<jiff_sqlx::Timestamp>,
    Option<jiff_sqlx::Timestamp>,
    String,
    jiff_sqlx::Timestamp,
    jiff_sqlx::Timestamp,
    Option<jiff_sqlx::Timestamp>,
);

fn share((id, since, until, created_by, created_at, expires_at, seen_at): Row) -> Share {
    Share {
        id,
        since: since.map(jiff_sqlx::Timestamp::to_jiff),
        until: until.map(jiff_sqlx::Timestamp::to_jiff),
        created_by,
        created_at: created_at.to_jiff(),
        expires_at: expires_at.to_jiff(),
        seen_at: seen_at.map(jiff_sqlx::Timestamp::to_jiff),
    }
}

impl Store {
    /// The links that work, newest first.
    pub async fn shares(&self) -> Result<Vec<Share>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from highwater.shares where expires_at > clock_timestamp() order by share_id desc limit $1"
        );
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(LISTED)
            .fetch_all(self.pool())
            .await?;
        Ok(rows.into_iter().map(share).collect())
    }

    /// Makes a link with this key. Those that have expired go.
    pub async fn make_share(
        &self,
        body: &NewShareBody,
        key: &SecretHash,
        order: &Order,
    ) -> Result<Share, StoreError> {
        let (least, most) = (HOURS.start(), HOURS.end());
        if !HOURS.contains(&body.hours) {
            return Err(StoreError::BadIdentity(format!(
                "a link works for {least} to {most} hours; this is {}",
                body.hours
            )));
        }
        let is_range = match (body.since, body.until) {
            (None, None) => true,
            (Some(since), Some(until)) => since < until,
            _ => false,
        };
        if !is_range {
            return Err(StoreError::BadIdentity(
                "a recording has both a since and a later until; without them the link shows what happens now".to_owned(),
            ));
        }
        let mut transaction = self.pool().begin().await?;
        sqlx::query("delete from highwater.shares where expires_at < clock_timestamp()")
            .execute(&mut *transaction)
            .await?;
        let sql = format!(
            "insert into highwater.shares (key_hash, since, until, created_by, expires_at)
             values ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 hour') returning {COLUMNS}"
        );
        let row: Row = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(&key[..])
            .bind(body.since.map(jiff_sqlx::Timestamp::from))
            .bind(body.until.map(jiff_sqlx::Timestamp::from))
            .bind(&order.actor)
            .bind(body.hours)
            .fetch_one(&mut *transaction)
            .await?;
        let made = share(row);
        let after = json!({"share": made.id, "since": made.since, "until": made.until, "hours": body.hours});
        actions::record_of_store(&mut transaction, order, "share_stage", json!({}), after).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Ends a link; answers whether there was one.
    pub async fn end_share(&self, id: i64, order: &Order) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let ended = sqlx::query("delete from highwater.shares where share_id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        if ended.rows_affected() == 0 {
            return Ok(false);
        }
        let before = json!({"share": id});
        actions::record_of_store(&mut transaction, order, "end_share", before, json!({})).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The link of this key; none when it does not work (any more). That it was used is noted, by the minute.
    pub async fn share_of(&self, key: &SecretHash) -> Result<Option<Share>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from highwater.shares where key_hash = $1 and expires_at > clock_timestamp()"
        );
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(&key[..])
            .fetch_optional(self.pool())
            .await?;
        let Some(found) = row.map(share) else {
            return Ok(None);
        };
        sqlx::query(
            "update highwater.shares set seen_at = clock_timestamp()
             where share_id = $1 and (seen_at is null or seen_at < clock_timestamp() - interval '1 minute')",
        )
        .bind(found.id)
        .execute(self.pool())
        .await?;
        Ok(Some(found))
    }
}
