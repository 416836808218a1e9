//! Events: as a writer proposes them, and as the log has recorded them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::object::object_only;
use crate::{HandledBy, StreamName};

/// An event's place in the whole log: 1 is the first, no number is left out, none is used twice.
/// 0 stands for "before the first".
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Position(pub i64);

impl Position {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The position that must follow this one: the log has no gaps.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event's place in its stream, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Version(pub i64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event as a writer hands it in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ProposedEvent {
    /// What happened, in the past tense: `OrderPlaced`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The facts: any JSON value.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub data: Box<RawValue>,
    /// Makes a retry harmless: the same id is recorded once. Given by the store (a `UUIDv7`) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// When it happened, if that is not the moment of recording. Kept to the microsecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub occurred_at: Option<Timestamp>,
    /// A JSON object. `correlation_id` and `causation_id` in it are UUIDs; `actor` and `traceparent` have these names; the last
    /// is the request's where it is not given, and is not compared when an id comes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Box<RawValue>>,
}
object_only!(ProposedEvent, "an event: an object with type and data");

/// An event as the log has recorded it.
///
/// `data` and `metadata` keep the database's own text, so that a number's digits survive and nothing is encoded twice.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordedEvent {
    /// Place in the whole log.
    pub position: Position,
    /// The stream that it belongs to.
    pub stream: StreamName,
    /// The part of the stream's name before the first `-`.
    pub category: String,
    /// Place in the stream.
    pub version: Version,
    /// Identity; the same wherever the event is copied to.
    pub id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The facts.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub data: Box<RawValue>,
    /// Bytes of the data, where only what it says in short is here (`shorten`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_bytes: Option<i64>,
    /// Always an object.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: Box<RawValue>,
    /// When it happened (when it was recorded, if the writer did not say).
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub occurred_at: Timestamp,
    /// When the store took it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub recorded_at: Timestamp,
}

/// The names in an event's metadata that Highwater knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct KnownMetadata {
    /// The flow that the event belongs to.
    #[serde(default)]
    pub correlation_id: Option<Uuid>,
    /// The message that directly caused it.
    #[serde(default)]
    pub causation_id: Option<Uuid>,
    /// Who or what caused it.
    #[serde(default)]
    pub actor: Option<serde_json::Value>,
    /// Where in a trace it was appended; a [`Traceparent`](crate::Traceparent), if its writer meant that.
    #[serde(default)]
    pub traceparent: Option<serde_json::Value>,
}

impl RecordedEvent {
    /// Correlation, causation and actor, where the metadata has them.
    pub fn known_metadata(&self) -> KnownMetadata {
        serde_json::from_str(self.metadata.get()).unwrap_or_default()
    }
}

/// A page of the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// In the direction that was asked for.
    pub events: Vec<RecordedEvent>,
    /// Where the next page starts: give it as `after` (forward) or `before` (backward). Absent when nothing is left in that direction. A page
    /// with room left that has one was looked for for about a second, up to there.
    pub next: Option<Position>,
    /// The newest position that was recorded.
    pub head: Position,
    /// The newest position below which nothing can still appear.
    pub high_water: Position,
}

/// A page of one stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamPage {
    /// The stream.
    pub stream: StreamName,
    /// In the direction that was asked for.
    pub events: Vec<RecordedEvent>,
    /// The version that the next page starts from (`from`, inclusive). Absent when nothing is left in that direction.
    pub next: Option<Version>,
    /// The newest version of the stream.
    pub last_version: Version,
}

/// One event with its neighbours in the chain of cause and effect.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventWithCauses {
    /// The event itself.
    pub event: RecordedEvent,
    /// The event named by its `causation_id`. Absent when there is none, or when it is not in this store (a command, another system).
    pub cause: Option<RecordedEvent>,
    /// Events whose `causation_id` is this event, oldest first, 100 at most.
    pub effects: Vec<RecordedEvent>,
    /// Read models that handle events of its type, and whether they have handled this one.
    #[serde(default)]
    pub handled_by: Vec<HandledBy>,
}
