//! Tokens with which programs get in.

use highwater_model::{ApiToken, NewTokenBody, Right};
use serde_json::json;

use super::{SecretHash, name};
use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Tokens that are listed.
const LISTED: i64 = 1_000;
/// Days that a token works, at most: one that nobody renews is forgotten.
const DAYS: std::ops::RangeInclusive<i64> = 1..=366;

const COLUMNS: &str = "token_id, name, rights, created_by, created_at, expires_at, used_at";

type Row = (
    i64,
    String,
    Vec<String>,
    String,
    jiff_sqlx::Timestamp,
    jiff_sqlx::Timestamp,
    Option<jiff_sqlx::Timestamp>,
);

fn token(
    (id, name, kept, created_by, created_at, expires_at, used_at): Row,
) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id,
        name,
        rights: rights(&kept)?,
        created_by,
        created_at: created_at.to_jiff(),
        expires_at: expires_at.to_jiff(),
        used_at: used_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

fn rights(kept: &[String]) -> Result<Vec<Right>, StoreError> {
    let right = |kept: &String| {
        Right::named(kept)
            .ok_or_else(|| StoreError::Broken(format!("a token has the right {kept:?}")))
    };
    kept.iter().map(right).collect()
}

impl Store {
    /// All tokens, by name; those that have expired, too.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let sql =
            format!("select {COLUMNS} from highwater.api_tokens order by lower(name) limit $1");
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(LISTED)
            .fetch_all(self.pool())
            .await?;
        rows.into_iter().map(token).collect()
    }

    /// Makes a token with this secret.
    pub async fn make_token(
        &self,
        body: &NewTokenBody,
        secret: &SecretHash,
        order: &Order,
    ) -> Result<ApiToken, StoreError> {
        let given = name(&body.name)?;
        if !DAYS.contains(&body.days) {
            return Err(StoreError::BadIdentity(format!(
                "a token works for {} to {} days; this is {}",
                DAYS.start(),
                DAYS.end(),
                body.days
            )));
        }
        let mut rights = body.rights.clone();
        rights.sort();
        rights.dedup();
        if rights.is_empty() {
            return Err(StoreError::BadIdentity(
                "a token may do one thing at least; give it a right".to_owned(),
            ));
        }
        let words: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
        let mut transaction = self.pool().begin().await?;
        let sql = format!(
            "insert into highwater.api_tokens (name, secret_hash, rights, created_by, expires_at)
             values ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 day')
             on conflict (lower(name)) do nothing returning {COLUMNS}"
        );
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(given)
            .bind(&secret[..])
            .bind(&words)
            .bind(&order.actor)
            .bind(body.days)
            .fetch_optional(&mut *transaction)
            .await?;
        let row = row.ok_or_else(|| StoreError::NameTaken {
            name: given.to_owned(),
        })?;
        let after = json!({"token": given, "rights": words, "days": body.days});
        actions::record_of_store(&mut transaction, order, "make_token", json!({}), after).await?;
        transaction.commit().await?;
        token(row)
    }

    /// Revokes a token; answers whether there was one. Its name is free again.
    pub async fn revoke_token(&self, id: i64, order: &Order) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let row: Option<(String, Vec<String>)> = sqlx::query_as(
            "delete from highwater.api_tokens where token_id = $1 returning name, rights",
        )
        .bind(id)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((of, rights)) = row else {
            return Ok(false);
        };
        let before = json!({"token": of, "rights": rights});
        actions::record_of_store(&mut transaction, order, "revoke_token", before, json!({}))
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The token of this secret; none when it was revoked or has expired. That it was used is noted, by the minute.
    pub async fn token_of(&self, secret: &SecretHash) -> Result<Option<ApiToken>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from highwater.api_tokens where secret_hash = $1 and expires_at > clock_timestamp()"
        );
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(&secret[..])
            .fetch_optional(self.pool())
            .await?;
        let Some(found) = row.map(token).transpose()? else {
            return Ok(None);
        };
        sqlx::query(
            "update highwater.api_tokens set used_at = clock_timestamp()
             where token_id = $1 and (used_at is null or used_at < clock_timestamp() - interval '1 minute')",
        )
        .bind(found.id)
        .execute(self.pool())
        .await?;
        Ok(Some(found))
    }
}
