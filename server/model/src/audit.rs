//! Whether the audit log is as it was written.

use serde::{Deserialize, Serialize};

/// A link of the audit log's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seal {
    /// Its place in the chain, from 1.
    pub seal: i64,
    /// SHA-256 of the action and of the seal before it, as 64 hexadecimal digits. Kept elsewhere, it proves everything up to it.
    pub hash: String,
}

/// An action that is not as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditFault {
    /// Its place in the chain.
    pub seal: i64,
    /// The action.
    pub action_id: i64,
    /// What is wrong.
    pub why: String,
}

/// What came of computing the audit log's chain anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditVerdict {
    /// How many actions are sealed.
    pub sealed: i64,
    /// How many are not yet: the newest ones, for a moment.
    pub unsealed: i64,
    /// The newest seal.
    pub newest: Option<Seal>,
    /// What is not as it was sealed, 100 at most, the oldest first.
    pub faults: Vec<AuditFault>,
    /// Whether the seal that somebody has kept is the one that stands here; none when none was given.
    #[serde(default)]
    pub kept: Option<bool>,
}

impl AuditVerdict {
    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty() && self.kept != Some(false)
    }
}
