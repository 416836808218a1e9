//! What a rebuild or a replay will cost, before it begins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Eta, Position};

/// How a warning begins that the definition failed when it was tried; what it failed with comes behind it.
pub const PROBE_FAILS: &str = "tried on the first events, it fails: ";

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

/// Where a replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayFrom {
    /// With the event at this position.
    Position(Position),
    /// With the first event that was recorded at this moment or later.
    Time(Timestamp),
}

/// A plan of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplayPlan {
    /// The read model.
    pub read_model: String,
    /// The first position that is handled again.
    pub from: Position,
    /// Events that are handled again, counted.
    pub matching: i64,
    /// How long it takes, in seconds; none: nothing could be measured.
    pub duration: Option<Eta>,
    /// What that was measured on.
    pub measured: String,
    /// What happens outside of its tables.
    pub side_effects: Vec<String>,
    /// What to know before.
    pub warnings: Vec<String>,
}
