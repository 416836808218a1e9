//! What a rebuild will cost, before it begins.

use serde::{Deserialize, Serialize};

use crate::Eta;

/// A plan of a rebuild.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RebuildPlan {
    /// The read model.
    pub read_model: String,
    /// The version whose definition it was made for: the one that waits, or else the live one. A rebuild refuses a plan of another.
    pub version_id: i64,
    /// A changed definition waits; without it the live one is built again.
    pub changed_definition: bool,
    /// Events that it handles, counted.
    pub matching: i64,
    /// How long it takes, in seconds; none: nothing could be measured.
    pub duration: Option<Eta>,
    /// What that was measured on.
    pub measured: String,
    /// Bytes that the shadow will need beside the live tables, as those are now.
    pub disk_bytes: i64,
    /// What it does beside building the shadow; empty when it does nothing else.
    #[serde(default)]
    pub side_effects: Vec<String>,
    /// What to know before.
    pub warnings: Vec<String>,
}
