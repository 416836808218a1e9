//! Logging in at a provider of OpenID Connect: authorization code, PKCE, state and nonce.
//!
//! | file | what |
//! |---|---|
//! | `attempt.rs` | a login on its way, and what follows from its secret |
//! | `provider.rs` | what the provider says of itself, where the browser is sent, and the proof of who comes back |
//! | `claims.rs`, `options.rs` | their groups, and what those make of them here |
//! | `http.rs`, `types.rs` | how the provider is asked, and the library's types for it |
//! | `refusal.rs` | the page for somebody whose groups give them no role |

mod attempt;
mod claims;
mod http;
mod options;
mod provider;
mod refusal;
mod types;

pub(crate) use attempt::Attempt;
pub use options::{OidcOptions, RoleOfGroup};
pub(crate) use provider::{Proven, Provider};
pub(crate) use refusal::no_role;

/// Why a login came to nothing. The page of the login has a sentence for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The provider can't be reached, or does not answer as one.
    Provider,
    /// It did not let them in.
    Denied,
    /// The login was begun by another browser, too long ago, or is used up.
    Stale,
    /// What it answered does not prove who they are.
    Answer,
    /// An admin keeps them from getting in.
    Disabled,
}

impl Failed {
    /// As the address of the login's page has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Denied => "denied",
            Self::Stale => "stale",
            Self::Answer => "answer",
            Self::Disabled => "disabled",
        }
    }
}
