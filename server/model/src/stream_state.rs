//! A stream's timeline and its states, as they travel.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Position, RecordedEvent, StateDefinitionUsed, StreamName, Version};

/// The state of a stream after an event, and what that event did to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamState {
    /// The stream.
    pub stream: StreamName,
    /// The newest version that is in the state.
    pub version: Version,
    /// The stream's newest version.
    pub last_version: Version,
    /// How it came to be.
    pub by: StateBy,
    /// The definition of the stream's category, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<StateDefinitionUsed>,
    /// The state; `null` when no event has given it anything.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub state: Box<RawValue>,
    /// The event of that version.
    pub event: RecordedEvent,
    /// What it changed.
    pub changes: Vec<StateChange>,
    /// Of each field that is no object itself, the version that gave it its value.
    pub fields: Vec<FieldSetBy>,
    /// The events of those versions, oldest first; of more than 500, the newest.
    pub set_by: Vec<EventHead>,
}

/// How far a state is folded that takes longer than the caller wanted to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateFolding {
    /// The stream.
    pub stream: StreamName,
    /// The version that was asked for.
    pub version: Version,
    /// The newest version that is folded; the same call again goes on from here.
    pub folded_to: Version,
}

/// What a state is folded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StateBy {
    /// Each event's data is a JSON merge patch (RFC 7396) of the one before.
    Merge,
    /// The expression of the category's definition answers it.
    Definition,
}

/// The difference of two states of a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateDifference {
    /// The stream.
    pub stream: StreamName,
    /// The state before is the one at this version.
    pub from: Version,
    /// The state after is the one at this version.
    pub to: Version,
    /// How both came to be.
    pub by: StateBy,
    /// What is to be done to the one to get the other.
    pub changes: Vec<StateChange>,
}

/// One step from a state to another: JSON Patch (RFC 6902) and what was there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateChange {
    /// What is done.
    pub op: StateOperation,
    /// Where: a JSON Pointer (RFC 6901), empty for the whole state.
    pub path: String,
    /// What is there then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub value: Option<Box<RawValue>>,
    /// What was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<serde_json::Value>))]
    pub was: Option<Box<RawValue>>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StateOperation {
    /// There was nothing.
    Add,
    /// There is nothing any more.
    Remove,
    /// It is another.
    Replace,
}

/// Who gave a field its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldSetBy {
    /// The field: a JSON Pointer.
    pub path: String,
    /// The event's version. An event that says again what was there gives nothing.
    pub version: Version,
}

/// What is known of an event without its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventHead {
    /// Its place in its stream.
    pub version: Version,
    /// Its place in the log.
    pub position: Position,
    /// Its id.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub occurred_at: Timestamp,
    /// When it was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub recorded_at: Timestamp,
}

/// A stream's events over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamTimeline {
    /// The stream.
    pub stream: StreamName,
    /// The first version that was asked for.
    pub from: Version,
    /// The last one.
    pub to: Version,
    /// The stream's newest version.
    pub last_version: Version,
    /// Each mark stands for so many events: 1 shows all, more shows one of so many, and the last.
    pub every: i64,
    /// The events, oldest first.
    pub marks: Vec<EventHead>,
}

/// The first version at which a condition holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateFound {
    /// The stream.
    pub stream: StreamName,
    /// How the states that were looked at came to be.
    pub by: StateBy,
    /// The version; none when the condition holds at no version.
    pub version: Option<Version>,
    /// The newest version that was looked at. Before the stream's newest when it took too long: ask again from here.
    pub looked_up_to: Version,
    /// The stream's newest version.
    pub last_version: Version,
}
