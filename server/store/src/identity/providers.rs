//! Users whom a provider of OpenID Connect knows, and their logins on the way.

use highwater_model::Role;
use serde_json::json;
use sqlx::PgConnection;

use super::{KnownUser, NAME_CHARS, SecretHash, role};
use crate::read_models::{Order, actions};
use crate::{Store, StoreError};

/// Logins that are on their way at once. Anybody can begin one, so beyond this the oldest go.
const BEGUN: i64 = 10_000;
/// Users of one name that are told apart by a number.
const NAMESAKES: u32 = 1_000;
/// Characters that are left for that number.
const NUMBER_CHARS: usize = 5;
/// Names under which the audit log has somebody else.
const RESERVED: [&str; 4] = ["demo", "folder", "local", "nobody"];
/// Why the role of such a user changes.
const REASON: &str = "by the groups at the provider";

/// Somebody as their provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidedUser {
    /// The provider.
    pub issuer: String,
    /// What it knows them by, for ever.
    pub subject: String,
    /// What they are called there. When they come for the first time their name here is made of it.
    pub called: String,
    /// What their groups there make of them here.
    pub role: Role,
}

impl Store {
    /// Begins a login of the browser that holds this secret, which then goes to `next`; it is to end within `valid_s` seconds.
    pub async fn begin_login(
        &self,
        secret: &SecretHash,
        next: &str,
        valid_s: i64,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool().begin().await?;
        sqlx::query(
            "delete from highwater.begun_logins where expires_at < clock_timestamp()
             or secret_hash in (select secret_hash from highwater.begun_logins order by expires_at desc offset $1)",
        )
        .bind(BEGUN - 1)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "insert into highwater.begun_logins (secret_hash, next, expires_at)
             values ($1, $2, clock_timestamp() + $3 * interval '1 second')",
        )
        .bind(&secret[..])
        .bind(next)
        .bind(valid_s)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Uses up the login of the browser that holds this secret: where it goes then; none when there is none (any more).
    pub async fn take_login(&self, secret: &SecretHash) -> Result<Option<String>, StoreError> {
        let taken: Option<(String, bool)> = sqlx::query_as(
            "delete from highwater.begun_logins where secret_hash = $1 returning next, expires_at > clock_timestamp()",
        )
        .bind(&secret[..])
        .fetch_optional(self.pool())
        .await?;
        Ok(taken.and_then(|(next, in_time)| in_time.then_some(next)))
    }

    /// The user whom a provider knows so, made when they come for the first time. They are what their groups make of them, unless they
    /// are disabled.
    pub async fn provided_user(&self, who: &ProvidedUser) -> Result<KnownUser, StoreError> {
        let mut transaction = self.pool().begin().await?;
        let user = match find(&mut transaction, who).await? {
            None => add(&mut transaction, who).await?,
            Some(user) if user.disabled || user.role == who.role => user,
            Some(user) => change(&mut transaction, user, who.role).await?,
        };
        transaction.commit().await?;
        Ok(user)
    }

    /// Ends all sessions of somebody whose groups give them nothing any more; answers whether there was one.
    pub async fn end_provided_sessions(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "delete from highwater.sessions using highwater.users
             where sessions.user_id = users.user_id and issuer = $1 and subject = $2",
        )
        .bind(issuer)
        .bind(subject)
        .execute(self.pool())
        .await?;
        Ok(ended.rows_affected() > 0)
    }
}

async fn find(
    connection: &mut PgConnection,
    who: &ProvidedUser,
) -> Result<Option<KnownUser>, StoreError> {
    let row: Option<(i64, String, String, bool)> = sqlx::query_as(
        "select user_id, name, role, disabled from highwater.users where issuer = $1 and subject = $2 for update",
    )
    .bind(&who.issuer)
    .bind(&who.subject)
    .fetch_optional(connection)
    .await?;
    row.map(|(id, name, kept, disabled)| {
        Ok(KnownUser {
            id,
            name,
            role: role(&kept)?,
            password: None,
            disabled,
        })
    })
    .transpose()
}

async fn add(connection: &mut PgConnection, who: &ProvidedUser) -> Result<KnownUser, StoreError> {
    let plain = plain(&who.called);
    let first = if RESERVED.contains(&plain.to_ascii_lowercase().as_str()) {
        2
    } else {
        1
    };
    for number in first..=NAMESAKES {
        let name = numbered(&plain, number);
        let id: Option<i64> = sqlx::query_scalar(
            "insert into highwater.users (name, role, issuer, subject) values ($1, $2, $3, $4) on conflict do nothing returning user_id",
        )
        .bind(&name)
        .bind(who.role.as_str())
        .bind(&who.issuer)
        .bind(&who.subject)
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(id) = id {
            let order = Order::new(name.clone(), Some(REASON));
            let after = json!({"user": name, "role": who.role});
            actions::record_of_store(connection, &order, "join", json!({}), after).await?;
            return Ok(KnownUser {
                id,
                name,
                role: who.role,
                password: None,
                disabled: false,
            });
        }
        // The name is somebody else's; or the same user came in by another browser at the same moment.
        if let Some(user) = find(connection, who).await? {
            return Ok(user);
        }
    }
    Err(StoreError::NameTaken { name: plain })
}

async fn change(
    connection: &mut PgConnection,
    user: KnownUser,
    role: Role,
) -> Result<KnownUser, StoreError> {
    sqlx::query("update highwater.users set role = $2 where user_id = $1")
        .bind(user.id)
        .bind(role.as_str())
        .execute(&mut *connection)
        .await?;
    let order = Order::new(user.name.clone(), Some(REASON));
    let was = json!({"user": user.name, "role": user.role, "disabled": user.disabled});
    let is = json!({"user": user.name, "role": role, "disabled": user.disabled});
    actions::record_of_store(connection, &order, "change_user", was, is).await?;
    Ok(KnownUser { role, ..user })
}

/// A name that can be one, as near as it gets to what somebody is called elsewhere.
fn plain(called: &str) -> String {
    let good = |character: char| character.is_ascii_alphanumeric() || "._@+-".contains(character);
    let plain: String = called
        .trim()
        .chars()
        .map(|character| if good(character) { character } else { '-' })
        .take(NAME_CHARS - NUMBER_CHARS)
        .collect();
    if plain
        .chars()
        .any(|character| character.is_ascii_alphanumeric())
    {
        plain
    } else {
        "user".to_owned()
    }
}

/// The first of a name has it as it is.
fn numbered(name: &str, number: u32) -> String {
    if number == 1 {
        name.to_owned()
    } else {
        format!("{name}-{number}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_is_called_elsewhere_becomes_a_name() {
        for (called, is) in [
            ("ada", "ada"),
            (" ada.l@example.com ", "ada.l@example.com"),
            ("Ada Lovelace", "Ada-Lovelace"),
            ("DOMAIN\\ada", "DOMAIN-ada"),
            ("Zoë", "Zo-"),
            ("日本", "user"),
            ("...", "user"),
            ("", "user"),
        ] {
            assert_eq!(plain(called), is, "{called:?}");
        }
        let long = numbered(&plain(&"a".repeat(200)), NAMESAKES);
        for name in [plain("Zoë"), numbered("ada", 2), long] {
            assert_eq!(super::super::name(&name).unwrap(), name);
        }
    }

    #[test]
    fn only_namesakes_have_a_number() {
        assert_eq!(numbered("ada", 1), "ada");
        assert_eq!(numbered("ada", 2), "ada-2");
    }
}
