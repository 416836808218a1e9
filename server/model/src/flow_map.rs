//! The flow map: which service handles which types, and what it emits then. Learned from the events' causes, drawn by nobody.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was learned from the events of some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowMap {
    /// From when on its events were recorded; later than was asked for when there are more events than are looked at, or the log is younger.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Up to when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// How many events were looked at.
    pub events: i64,
    /// There are more in the time that was asked for; the newest were looked at.
    pub cut: bool,
    /// Who emits events, by name.
    pub nodes: Vec<FlowMapNode>,
    /// What follows from what, the most frequent first.
    pub edges: Vec<FlowMapEdge>,
}

/// Who emits events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowMapPlace {
    /// A service's name (`metadata.service`); of events that name none, their stream's category.
    pub name: String,
    /// It is a category, as the events name no service.
    pub is_category: bool,
}

/// A place, and what it emitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowMapNode {
    /// The place.
    #[serde(flatten)]
    pub place: FlowMapPlace,
    /// How many events it emitted.
    pub events: i64,
    /// Their types, the most frequent first.
    pub emits: Vec<FlowMapType>,
}

/// A type, and how often it was emitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowMapType {
    /// The type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// How often.
    pub events: i64,
}

/// A place handles events of a type from another one, or its own, and emits events of a type because of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowMapEdge {
    /// Whose event was handled.
    pub from: FlowMapPlace,
    /// Its type.
    pub handled: String,
    /// Who handled it.
    pub to: FlowMapPlace,
    /// The type of what came of it.
    pub emitted: String,
    /// How often.
    pub events: i64,
    /// Half of the time it took no longer from one to the other, in milliseconds, as they were recorded.
    pub p50_ms: i64,
    /// 95 of 100 times it took no longer.
    pub p95_ms: i64,
    /// The newest event that came of it.
    pub newest: Uuid,
}
