//! Users, their sessions, invitations, and tokens of programs; what of events they may not see.
//!
//! Secrets come here as hashes: what a browser, a link or a program holds is told to it once and never kept.

mod invitations;
mod masking;
mod providers;
mod sessions;
mod shares;
mod tokens;
mod users;

use highwater_model::Role;
use sqlx::PgConnection;

pub use invitations::Invited;
pub use masking::HandledTypes;
pub use providers::ProvidedUser;
pub use sessions::SessionLimits;
pub use users::{KnownUser, UserChange};

use crate::{Store, StoreError};

/// SHA-256 of a secret.
pub type SecretHash = [u8; 32];

/// Characters of a user's or a token's name.
const NAME_CHARS: usize = 60;

impl Store {
    /// How often rights were taken away so far; whoever remembers who somebody is asks anew when it has changed.
    pub async fn identity_changes(&self) -> Result<i64, StoreError> {
        let changes = sqlx::query_scalar("select changes from highwater.identity_changes")
            .fetch_one(self.pool())
            .await?;
        Ok(changes)
    }
}

/// A name as it is kept, if it can be one.
fn name(given: &str) -> Result<&str, StoreError> {
    let given = given.trim();
    let good = |character: char| character.is_ascii_alphanumeric() || "._@+-".contains(character);
    if (1..=NAME_CHARS).contains(&given.len()) && given.chars().all(good) {
        return Ok(given);
    }
    Err(StoreError::BadIdentity(format!(
        "a name has 1 to {NAME_CHARS} letters, digits and . _ @ + -; {given:?} is none"
    )))
}

fn role(kept: &str) -> Result<Role, StoreError> {
    Role::named(kept).ok_or_else(|| StoreError::Broken(format!("a user has the role {kept:?}")))
}

/// Lets one change of users through at a time.
async fn one_at_a_time(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("lock table highwater.users in share row exclusive mode")
        .execute(connection)
        .await?;
    Ok(())
}

/// The same, and says how many admins have a password.
async fn admins(connection: &mut PgConnection) -> Result<i64, StoreError> {
    one_at_a_time(connection).await?;
    count_admins(connection).await
}

/// The same, and says how many admins can get in, by a password or by a provider.
async fn admins_of_any_kind(connection: &mut PgConnection) -> Result<i64, StoreError> {
    one_at_a_time(connection).await?;
    count_admins_of_any_kind(connection).await
}

async fn count_admins(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "select count(*) from highwater.users where role = 'admin' and password is not null and not disabled",
    )
    .fetch_one(connection)
    .await?;
    Ok(count)
}

async fn count_admins_of_any_kind(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "select count(*) from highwater.users where role = 'admin' and (password is not null or subject is not null) and not disabled",
    )
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// Refuses what would leave nobody who keeps users.
async fn keep_an_admin(connection: &mut PgConnection, before: i64) -> Result<(), StoreError> {
    if before > 0 && count_admins_of_any_kind(connection).await? == 0 {
        return Err(StoreError::LastAdmin);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["ada", " ada ", "ada.l@example.com", "ci+1", &"a".repeat(60)] {
            assert_eq!(name(good).unwrap(), good.trim());
        }
        for bad in [
            "",
            " ",
            "ada lovelace",
            "ada/../x",
            "a\nb",
            "ädä",
            "a:b",
            &"a".repeat(61),
        ] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
