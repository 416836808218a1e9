//! Passwords: argon2id, a few at a time, for each takes 19 MiB and some tens of milliseconds.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use highwater_model::Problem;
use tokio::sync::Semaphore;

use crate::api::problem::internal;

/// Hashes that are computed at once.
const AT_ONCE: usize = 2;
/// Characters that a password has at least, and at most. Length is what counts; nothing else is asked for.
const CHARS: std::ops::RangeInclusive<usize> = 10..=200;
/// What a login of somebody who does not exist is compared with, so that it takes as long as any other.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz$4ni1R9mI0oTLmYXyKnVZ7c5RlqGuaVX6T0dSZRkNc34";

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// The hash of a chosen password, if it may be one.
pub(crate) async fn hash(password: String) -> Result<String, Problem> {
    if !CHARS.contains(&password.chars().count()) {
        let (least, most) = (CHARS.start(), CHARS.end());
        let detail = format!("A password has {least} to {most} characters; choose another one.");
        return Err(Problem::new(
            422,
            "bad_password",
            "The password is not right",
            detail,
        ));
    }
    compute(move || {
        let hash = Argon2::default().hash_password(password.as_bytes());
        hash.map(|hash| hash.to_string()).map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
        })
    })
    .await
    .ok_or_else(internal)
}

/// Whether this is the password of that hash. Without a hash it is not, after as long a time.
pub(crate) async fn is_right(password: String, hash: Option<String>) -> Result<bool, Problem> {
    compute(move || {
        let known = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY)).map_err(|error| {
            tracing::error!(%error, "a password's hash can't be read");
        })?;
        let right = Argon2::default().verify_password(password.as_bytes(), &known);
        Ok(right.is_ok() && hash.is_some())
    })
    .await
    .ok_or_else(internal)
}

async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ()> + Send + 'static,
) -> Option<T> {
    let _turn = TURNS.acquire().await.ok()?;
    tokio::task::spawn_blocking(work).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let chosen = "correct horse battery".to_owned();
        let kept = hash(chosen.clone()).await.unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        assert!(is_right(chosen.clone(), Some(kept.clone())).await.unwrap());
        assert!(
            !is_right("correct horse".to_owned(), Some(kept))
                .await
                .unwrap()
        );
        // The comparison with nobody's hash is a real one.
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!is_right(chosen, None).await.unwrap());
    }

    #[tokio::test]
    async fn a_short_one_is_refused_in_words() {
        let refused = hash("short".to_owned()).await.unwrap_err();
        assert!(refused.detail.contains("10 to 200"), "{refused:?}");
    }
}
