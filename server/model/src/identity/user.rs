//! Users, and what an admin says of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Role;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// What they are called. Capitals and small letters are the same.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// They have not chosen a password yet, and no provider knows them.
    pub invited: bool,
    /// They can't get in.
    pub disabled: bool,
    /// Since when they are known.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When they were here last, by the minute.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub seen_at: Option<Timestamp>,
    /// Browsers in which they are logged in.
    pub sessions: i64,
}

/// A user to be: `POST /api/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUserBody {
    /// What they are called: 1 to 60 letters, digits and `._@+-`.
    pub name: String,
    /// What they are.
    pub role: Role,
}

/// What changes of a user: `PUT /api/users/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserBody {
    /// What they are from now on.
    pub role: Role,
    /// They can't get in from now on; whatever they have open is closed.
    #[serde(default)]
    pub disabled: bool,
}

/// A link that lets somebody choose a password, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Whom it is for.
    pub name: String,
    /// The page's path with the key; said once, kept as a hash.
    pub path: String,
    /// Until when it works.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
}
