//! Appending: what a writer expects, what it gets back; import.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::object::object_only;
use crate::{Position, ProposedEvent, StreamName, Version};

/// What an append says the stream's version is. On the wire a word (`any`, `none`, `exists`) or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpectedVersion {
    /// Whatever it is.
    #[default]
    Any,
    /// There is no such stream yet.
    None,
    /// There is one, at any version.
    Exists,
    /// Its newest event has this version.
    Exactly(Version),
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::None => f.write_str("none"),
            Self::Exists => f.write_str("exists"),
            Self::Exactly(version) => version.fmt(f),
        }
    }
}

/// The text is no expected version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an expected version is any, none, exists or a number from 0; this is {0:?}")]
pub struct ExpectedVersionError(pub String);

impl FromStr for ExpectedVersion {
    type Err = ExpectedVersionError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "any" => Ok(Self::Any),
            "none" => Ok(Self::None),
            "exists" => Ok(Self::Exists),
            number => match number.parse::<i64>() {
                Ok(version) if version >= 0 => Ok(Self::Exactly(Version(version))),
                _ => Err(ExpectedVersionError(text.to_owned())),
            },
        }
    }
}

impl Serialize for ExpectedVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Exactly(version) => serializer.serialize_i64(version.0),
            word => serializer.collect_str(word),
        }
    }
}

impl<'de> Deserialize<'de> for ExpectedVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = ExpectedVersion;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any, none, exists or a number from 0")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ExpectedVersion {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}
#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ExpectedVersion {}

/// An append to one stream; several of them in one request are one transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct AppendToStream {
    /// Which stream.
    pub stream: StreamName,
    /// What its version must be.
    #[serde(default)]
    pub expected_version: ExpectedVersion,
    /// At least one.
    pub events: Vec<ProposedEvent>,
}
object_only!(
    AppendToStream,
    "an append: an object with stream and events"
);

/// Where an append to one stream ended up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Appended {
    /// Which stream.
    pub stream: StreamName,
    /// Version of its first event.
    pub first_version: Version,
    /// Version of its last event.
    pub last_version: Version,
    /// Position of its first event.
    pub first_position: Position,
    /// Position of its last event; its events may have others' between them only after an idempotent retry.
    pub last_position: Position,
}

/// A line of NDJSON import and export. Fields that only the log gives (`position`, `version`, `category`, `recorded_at`) are
/// understood and ignored, so that what `GET /api/events` shows can be imported as well.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ImportLine {
    /// Which stream.
    pub stream: StreamName,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Identity; lines that carry one are imported once, however often they are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<uuid::Uuid>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub occurred_at: Option<jiff::Timestamp>,
    /// The facts.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub data: Box<serde_json::value::RawValue>,
    /// A JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Box<serde_json::value::RawValue>>,
    /// Ignored.
    #[serde(default, skip_serializing)]
    pub position: serde::de::IgnoredAny,
    /// Ignored.
    #[serde(default, skip_serializing)]
    pub version: serde::de::IgnoredAny,
    /// Ignored.
    #[serde(default, skip_serializing)]
    pub category: serde::de::IgnoredAny,
    /// Ignored.
    #[serde(default, skip_serializing)]
    pub recorded_at: serde::de::IgnoredAny,
}
object_only!(ImportLine, "a line: an object with stream, type and data");

/// A line of an import's answer while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportProgress {
    /// Lines handled so far (committed).
    pub lines: u64,
    /// Events imported so far.
    pub imported: u64,
    /// Events that were there already.
    pub skipped: u64,
}

/// The last line of an import's answer. A failed import's last line is a [`crate::Problem`] instead, with `line`, `imported` and `skipped` as fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportSummary {
    /// Events imported.
    pub imported: u64,
    /// Events that were there already.
    pub skipped: u64,
    /// Position of the first event imported by this request.
    pub first_position: Option<Position>,
    /// Position of the last event imported by this request.
    pub last_position: Option<Position>,
}
