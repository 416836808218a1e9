//! Users.

use highwater_model::{Role, User};
use serde_json::json;
use sqlx::PgConnection;

use super::{SecretHash, admins_of_any_kind, keep_an_admin, name, role};
use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Users that are listed.
const LISTED: i64 = 1_000;

/// A user with what a login needs to know.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownUser {
    /// Their number.
    pub id: i64,
    /// What they are called.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Their password's hash; none until they have chosen one.
    pub password: Option<String>,
    /// They can't get in.
    pub disabled: bool,
}

impl std::fmt::Debug for KnownUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut user = f.debug_struct("KnownUser");
        user.field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What becomes of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserChange {
    /// What they are.
    pub role: Role,
    /// They can't get in.
    pub disabled: bool,
}

type Row = (
    String,
    String,
    bool,
    bool,
    jiff_sqlx::Timestamp,
    Option<jiff_sqlx::Timestamp>,
    i64,
);

const COLUMNS: &str =
    "name, role, password is null and subject is null, disabled, created_at, seen_at,
    (select count(*) from highwater.sessions where sessions.user_id = users.user_id)";

fn user(row: Row) -> Result<User, StoreError> {
    let (name, kept, invited, disabled, created_at, seen_at, sessions) = row;
    Ok(User {
        name,
        role: role(&kept)?,
        invited,
        disabled,
        created_at: created_at.to_jiff(),
        seen_at: seen_at.map(jiff_sqlx::Timestamp::to_jiff),
        sessions,
    })
}

impl Store {
    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let sql = format!("select {COLUMNS} from highwater.users order by lower(name) limit $1");
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(LISTED)
            .fetch_all(self.pool())
            .await?;
        rows.into_iter().map(user).collect()
    }

    /// The user of this name.
    pub async fn known_user(&self, name: &str) -> Result<Option<KnownUser>, StoreError> {
        type Known = (i64, String, String, Option<String>, bool);
        let row: Option<Known> = sqlx::query_as(
            "select user_id, name, role, password, disabled from highwater.users where lower(name) = lower($1)",
        )
        .bind(name.trim())
        .fetch_optional(self.pool())
        .await?;
        row.map(|(id, name, kept, password, disabled)| {
            Ok(KnownUser {
                id,
                name,
                role: role(&kept)?,
                password,
                disabled,
            })
        })
        .transpose()
    }

    /// Whether there is an admin who can get in by a password.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        let mut connection = self.pool().acquire().await?;
        Ok(super::count_admins(&mut connection).await? > 0)
    }

    /// A user to be, who gets in by the link with this key until they have chosen a password; `valid_s` seconds long.
    pub async fn invite_user(
        &self,
        given: &str,
        role: Role,
        key: &SecretHash,
        valid_s: i64,
        order: &Order,
    ) -> Result<String, StoreError> {
        let given = name(given)?;
        let mut transaction = self.pool().begin().await?;
        let id: Option<i64> = sqlx::query_scalar(
            "insert into highwater.users (name, role) values ($1, $2) on conflict do nothing returning user_id",
        )
        .bind(given)
        .bind(role.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
        let id = id.ok_or_else(|| StoreError::NameTaken {
            name: given.to_owned(),
        })?;
        super::invitations::offer(&mut transaction, Some(id), key, valid_s).await?;
        let after = json!({"user": given, "role": role});
        actions::record_of_store(&mut transaction, order, "invite_user", json!({}), after).await?;
        transaction.commit().await?;
        Ok(given.to_owned())
    }

    /// Makes a user something else; none when there is no such user. An admin remains.
    pub async fn change_user(
        &self,
        of: &str,
        change: UserChange,
        order: &Order,
    ) -> Result<Option<User>, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let before = admins_of_any_kind(&mut transaction).await?;
        let Some((id, of, was)) = find(&mut transaction, of).await? else {
            return Ok(None);
        };
        let sql = format!(
            "update highwater.users set role = $2, disabled = $3 where user_id = $1 returning {COLUMNS}"
        );
        let row: Row = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .bind(change.role.as_str())
            .bind(change.disabled)
            .fetch_one(&mut *transaction)
            .await?;
        if change.disabled {
            end_all(&mut transaction, id).await?;
        }
        keep_an_admin(&mut transaction, before).await?;
        let was = json!({"user": of, "role": was.role, "disabled": was.disabled});
        let is = json!({"user": of, "role": change.role, "disabled": change.disabled});
        actions::record_of_store(&mut transaction, order, "change_user", was, is).await?;
        transaction.commit().await?;
        user(row).map(|mut user| {
            if change.disabled {
                user.sessions = 0;
            }
            Some(user)
        })
    }

    /// Removes a user; answers whether there was one. What they did stays on record. An admin remains.
    pub async fn remove_user(&self, of: &str, order: &Order) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let before = admins_of_any_kind(&mut transaction).await?;
        let Some((id, of, was)) = find(&mut transaction, of).await? else {
            return Ok(false);
        };
        sqlx::query("delete from highwater.users where user_id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        keep_an_admin(&mut transaction, before).await?;
        let was = json!({"user": of, "role": was.role});
        actions::record_of_store(&mut transaction, order, "remove_user", was, json!({})).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Lets a user choose a password anew by the link with this key, and ends all of their sessions; the name as it is kept, none when there is no such user.
    pub async fn invite_again(
        &self,
        of: &str,
        key: &SecretHash,
        valid_s: i64,
        order: &Order,
    ) -> Result<Option<String>, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let before = admins_of_any_kind(&mut transaction).await?;
        let Some((id, of, _)) = find(&mut transaction, of).await? else {
            return Ok(None);
        };
        sqlx::query("update highwater.users set password = null where user_id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        keep_an_admin(&mut transaction, before).await?;
        end_all(&mut transaction, id).await?;
        super::invitations::offer(&mut transaction, Some(id), key, valid_s).await?;
        let after = json!({"user": of});
        actions::record_of_store(&mut transaction, order, "invite_user", json!({}), after).await?;
        transaction.commit().await?;
        Ok(Some(of))
    }

    /// Ends all sessions of a user; answers whether there is one of this name.
    pub async fn end_sessions(&self, of: &str, order: &Order) -> Result<bool, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let Some((id, of, _)) = find(&mut transaction, of).await? else {
            return Ok(false);
        };
        let ended = end_all(&mut transaction, id).await?;
        let after = json!({"user": of, "sessions": ended});
        actions::record_of_store(&mut transaction, order, "end_sessions", json!({}), after).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

async fn find(
    connection: &mut PgConnection,
    of: &str,
) -> Result<Option<(i64, String, UserChange)>, StoreError> {
    let row: Option<(i64, String, String, bool)> = sqlx::query_as(
        "select user_id, name, role, disabled from highwater.users where lower(name) = lower($1) for update",
    )
    .bind(of)
    .fetch_optional(connection)
    .await?;
    row.map(|(id, of, kept, disabled)| {
        let role = role(&kept)?;
        Ok((id, of, UserChange { role, disabled }))
    })
    .transpose()
}

async fn end_all(connection: &mut PgConnection, user: i64) -> Result<u64, StoreError> {
    let ended = sqlx::query("delete from highwater.sessions where user_id = $1")
        .bind(user)
        .execute(connection)
        .await?;
    Ok(ended.rows_affected())
}
