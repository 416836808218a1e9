//! Secrets of sessions, links and programs: 256 random bits, told once, kept as a hash.

use std::fmt::Write as _;

use highwater_model::Problem;
use highwater_store::identity::SecretHash;
use sha2::{Digest, Sha256};

use crate::api::problem::internal;

/// What a token begins with, so that one that has got where it should not be is found.
const TOKEN: &str = "hw_";

/// A new secret.
pub(crate) fn new() -> Result<String, Problem> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no random numbers");
        internal()
    })?;
    Ok(hex(&bytes))
}

/// As two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A new secret of a program.
pub(crate) fn new_token() -> Result<String, Problem> {
    new().map(|secret| format!("{TOKEN}{secret}"))
}

/// What is kept of it.
pub(crate) fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same_and_each_has_256_bits() {
        let (one, other) = (new().unwrap(), new().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 64);
        assert_ne!(hash(&one), hash(&other));
        assert!(new_token().unwrap().starts_with("hw_"));
    }
}
