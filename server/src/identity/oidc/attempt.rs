//! A login on its way. All that has to be known of it later follows from one secret, which only the browser that began it holds: so any
//! server can end it, no other browser can, and the database knows nothing with which somebody could.

use highwater_model::Problem;
use highwater_store::identity::SecretHash;
use openidconnect::{Nonce, PkceCodeVerifier};

use crate::identity::secret;

/// A login on its way.
pub(crate) struct Attempt(String);

impl Attempt {
    /// A new one.
    pub(crate) fn new() -> Result<Self, Problem> {
        secret::new().map(Self)
    }

    /// The one of the browser that brings this secret.
    pub(crate) fn of(secret: &str) -> Self {
        Self(secret.to_owned())
    }

    /// What the browser keeps.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// What the database keeps.
    pub(crate) fn hash(&self) -> SecretHash {
        secret::hash(&self.0)
    }

    /// What the provider gives back to the browser with its answer.
    pub(crate) fn state(&self) -> String {
        self.derived("state")
    }

    /// Whether the provider's answer is to this login.
    pub(crate) fn is_answered(&self, state: &str) -> bool {
        // Hashes, so that how long it takes tells nothing.
        secret::hash(state) == secret::hash(&self.state())
    }

    /// What the provider writes into what it signs.
    pub(super) fn nonce(&self) -> Nonce {
        Nonce::new(self.derived("nonce"))
    }

    /// What shows the provider that who asks for the tokens is who sent the browser there.
    pub(super) fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.derived("verifier"))
    }

    fn derived(&self, what: &str) -> String {
        secret::hex(&secret::hash(&format!("{what}:{}", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_leads_to_nothing_else_and_what_is_kept_does_not_either() {
        let attempt = Attempt::new().unwrap();
        let told = [
            attempt.secret().to_owned(),
            attempt.state(),
            attempt.nonce().secret().clone(),
            attempt.verifier().secret().clone(),
            secret::hex(&attempt.hash()),
        ];
        for (at, one) in told.iter().enumerate() {
            assert_eq!(one.len(), 64);
            assert!(!told[..at].contains(one), "{told:?}");
        }
    }

    #[test]
    fn the_same_secret_leads_to_the_same_login_and_no_other_does() {
        let attempt = Attempt::new().unwrap();
        let again = Attempt::of(attempt.secret());
        assert!(again.is_answered(&attempt.state()));
        assert_eq!(again.hash(), attempt.hash());
        let other = Attempt::new().unwrap();
        assert!(!other.is_answered(&attempt.state()));
        assert!(!other.is_answered(""));
    }
}
