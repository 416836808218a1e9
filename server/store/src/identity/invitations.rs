//! Links by which somebody chooses a password, once.

use highwater_model::Role;
use serde_json::json;
use sqlx::PgConnection;

use super::{KnownUser, SecretHash, admins, name, role};
use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Whom a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// What they are called; the first admin chooses that.
    pub name: Option<String>,
    /// What they will be.
    pub role: Role,
}

/// Keeps an invitation; earlier ones of the same user no longer work, nor do those that have expired.
pub(super) async fn offer(
    connection: &mut PgConnection,
    user: Option<i64>,
    key: &SecretHash,
    valid_s: i64,
) -> Result<(), StoreError> {
    sqlx::query("delete from highwater.invitations where user_id is not distinct from $1 or expires_at < clock_timestamp()")
        .bind(user)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "insert into highwater.invitations (key_hash, user_id, expires_at)
         values ($1, $2, clock_timestamp() + $3 * interval '1 second')",
    )
    .bind(&key[..])
    .bind(user)
    .bind(valid_s)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Lets somebody become the first admin; refused when there is one.
    pub async fn offer_first_admin(
        &self,
        key: &SecretHash,
        valid_s: i64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool().begin().await?;
        if admins(&mut transaction).await? > 0 {
            return Err(StoreError::BadIdentity(
                "there is an admin already, who invites others".to_owned(),
            ));
        }
        offer(&mut transaction, None, key, valid_s).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Whom the link with this key is for; none when it does not work (any more).
    pub async fn invitation(&self, key: &SecretHash) -> Result<Option<Invited>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        let found = find(&mut connection, key).await?;
        Ok(found.map(|(_, invited)| invited))
    }

    /// Takes the password that an invited user has chosen, given as its hash; none when the link does not work (any more). The link is used up.
    pub async fn join(
        &self,
        key: &SecretHash,
        chosen: Option<&str>,
        password: &str,
    ) -> Result<Option<KnownUser>, StoreError> {
        let mut transaction = self.pool().begin().await?;
        // One at a time: of two who use the same link, the second finds it used.
        let admins = admins(&mut transaction).await?;
        let Some((user, invited)) = find(&mut transaction, key).await? else {
            return Ok(None);
        };
        let row: (i64, String, bool) = match user {
            Some(user) => {
                sqlx::query_as("update highwater.users set password = $2 where user_id = $1 returning user_id, name, disabled")
                    .bind(user)
                    .bind(password)
                    .fetch_one(&mut *transaction)
                    .await?
            }
            // An earlier link of the same kind has been used meanwhile.
            None if admins > 0 => return Ok(None),
            None => {
                let chosen = name(chosen.unwrap_or_default())?;
                // Somebody of this name without a password, or one who can't get in, is in nobody's way.
                sqlx::query_as(
                    "insert into highwater.users (name, role, password) values ($1, 'admin', $2)
                     on conflict (lower(name)) do update set role = 'admin', password = excluded.password, disabled = false
                     returning user_id, name, disabled",
                )
                .bind(chosen)
                .bind(password)
                .fetch_one(&mut *transaction)
                .await?
            }
        };
        sqlx::query("delete from highwater.invitations where key_hash = $1")
            .bind(&key[..])
            .execute(&mut *transaction)
            .await?;
        let (id, name, disabled) = row;
        let order = Order::new(name.clone(), None);
        let after = json!({"user": name, "role": invited.role});
        actions::record_of_store(&mut transaction, &order, "join", json!({}), after).await?;
        transaction.commit().await?;
        Ok(Some(KnownUser {
            id,
            name,
            role: invited.role,
            password: Some(password.to_owned()),
            disabled,
        }))
    }
}

async fn find(
    connection: &mut PgConnection,
    key: &SecretHash,
) -> Result<Option<(Option<i64>, Invited)>, StoreError> {
    let row: Option<(Option<i64>, Option<String>, Option<String>)> = sqlx::query_as(
        "select invitations.user_id, users.name, users.role from highwater.invitations left join highwater.users using (user_id)
         where key_hash = $1 and expires_at > clock_timestamp()",
    )
    .bind(&key[..])
    .fetch_optional(connection)
    .await?;
    row.map(|(user, name, kept)| {
        let role = kept.map_or(Ok(Role::Admin), |kept| role(&kept))?;
        Ok((user, Invited { name, role }))
    })
    .transpose()
}
