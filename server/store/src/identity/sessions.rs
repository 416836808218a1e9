//! Browsers in which users are logged in.

use serde_json::json;

use super::{KnownUser, SecretHash, role};
use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// How long a session lasts, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request.
    pub idle_s: i64,
    /// In all.
    pub absolute_s: i64,
}

impl Store {
    /// Begins a session with this secret; the one that the same browser had before, if any, ends.
    pub async fn begin_session(
        &self,
        secret: &SecretHash,
        user: &KnownUser,
        before: Option<&SecretHash>,
        limits: SessionLimits,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool().begin().await?;
        sqlx::query("delete from highwater.sessions where secret_hash = $1")
            .bind(before.map(|before| &before[..]))
            .execute(&mut *transaction)
            .await?;
        // Those of this user that nobody can use any more.
        sqlx::query(
            "delete from highwater.sessions where user_id = $1
             and (seen_at < clock_timestamp() - $2 * interval '1 second' or created_at < clock_timestamp() - $3 * interval '1 second')",
        )
        .bind(user.id)
        .bind(limits.idle_s)
        .bind(limits.absolute_s)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("insert into highwater.sessions (secret_hash, user_id) values ($1, $2)")
            .bind(&secret[..])
            .bind(user.id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("update highwater.users set seen_at = clock_timestamp() where user_id = $1")
            .bind(user.id)
            .execute(&mut *transaction)
            .await?;
        let order = Order::new(user.name.clone(), None);
        let after = json!({"user": user.name});
        actions::record_of_store(&mut transaction, &order, "log_in", json!({}), after).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Whose session this is; none when it has ended, or its user gets in otherwise: by this provider, or without one by a password.
    /// That it was used is noted, by the minute.
    pub async fn session_user(
        &self,
        secret: &SecretHash,
        limits: SessionLimits,
        issuer: Option<&str>,
    ) -> Result<Option<KnownUser>, StoreError> {
        type Known = (i64, String, String, bool);
        let row: Option<Known> = sqlx::query_as(
            "select user_id, name, role, sessions.seen_at < clock_timestamp() - interval '1 minute'
             from highwater.sessions join highwater.users using (user_id)
             where secret_hash = $1 and not disabled
               and case when $4::text is null then password is not null else issuer is not distinct from $4 end
               and sessions.seen_at > clock_timestamp() - $2 * interval '1 second'
               and sessions.created_at > clock_timestamp() - $3 * interval '1 second'",
        )
        .bind(&secret[..])
        .bind(limits.idle_s)
        .bind(limits.absolute_s)
        .bind(issuer)
        .fetch_optional(self.pool())
        .await?;
        let Some((id, name, kept, is_old)) = row else {
            return Ok(None);
        };
        if is_old {
            sqlx::query(
                "with seen as (update highwater.sessions set seen_at = clock_timestamp() where secret_hash = $1 returning user_id)
                 update highwater.users set seen_at = clock_timestamp() from seen where users.user_id = seen.user_id",
            )
            .bind(&secret[..])
            .execute(self.pool())
            .await?;
        }
        Ok(Some(KnownUser {
            id,
            name,
            role: role(&kept)?,
            password: None,
            disabled: false,
        }))
    }

    /// Ends one session; answers whether there was one.
    pub async fn end_session(&self, secret: &SecretHash) -> Result<bool, StoreError> {
        let ended = sqlx::query("delete from highwater.sessions where secret_hash = $1")
            .bind(&secret[..])
            .execute(self.pool())
            .await?;
        Ok(ended.rows_affected() > 0)
    }
}
