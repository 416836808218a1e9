//! Tokens of programs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Right;

/// A token with which a program gets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiToken {
    /// Its number.
    pub id: i64,
    /// What it is called: the audit log has it as `token:NAME`.
    pub name: String,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// Until when it works.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// When it was used last, by the minute.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub used_at: Option<Timestamp>,
}

/// A token to be made: `POST /api/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewTokenBody {
    /// What it is called: 1 to 60 letters, digits and `._@+-`.
    pub name: String,
    /// What it may do: at least one.
    pub rights: Vec<Right>,
    /// Days until it no longer works: 1 to 366.
    pub days: i64,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewToken {
    /// The token.
    pub token: ApiToken,
    /// What the program sends as `Authorization: Bearer …`; said once, kept as a hash.
    pub secret: String,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut token = f.debug_struct("NewToken");
        token.field("token", &self.token).finish_non_exhaustive()
    }
}
