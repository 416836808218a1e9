//! Streams: the events of one aggregate, in order.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Position, Version};

/// A stream's name, `category-id`: not empty, no control characters. How long it may be is a matter of [`crate::Limits`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(String);

/// Why a text is not a stream's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamNameError {
    /// Nothing there.
    #[error("a stream's name may not be empty; give one like order-8f14")]
    Empty,
    /// NUL, line breaks and the like.
    #[error("a stream's name may not hold control characters; there is one (U+{:04X}) at byte {at}", u32::from(*character))]
    ControlCharacter {
        /// Byte offset.
        at: usize,
        /// The character.
        character: char,
    },
}

impl StreamName {
    /// Checks the name and takes it.
    pub fn new(name: impl Into<String>) -> Result<Self, StreamNameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(StreamNameError::Empty);
        }
        if let Some((at, character)) = name.char_indices().find(|(_, c)| c.is_control()) {
            return Err(StreamNameError::ControlCharacter { at, character });
        }
        Ok(Self(name))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first `-`; the whole name where there is none.
    pub fn category(&self) -> &str {
        self.0
            .split_once('-')
            .map_or(self.0.as_str(), |(category, _)| category)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for StreamName {
    type Error = StreamNameError;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl std::str::FromStr for StreamName {
    type Err = StreamNameError;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.0
    }
}

/// One stream's facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamSummary {
    /// Name.
    pub stream: StreamName,
    /// Category.
    pub category: String,
    /// The newest version; the number of events is one more.
    pub last_version: Version,
    /// Position of its newest event.
    pub last_position: Position,
    /// Type of its newest event.
    pub last_type: String,
    /// When its first event was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_recorded_at: Timestamp,
    /// When its newest event was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_recorded_at: Timestamp,
}

/// A page of streams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamList {
    /// In the order that was asked for.
    pub streams: Vec<StreamSummary>,
    /// Give it as `cursor` for the next page. Opaque. Absent on the last page.
    pub next: Option<String>,
    /// How many streams the store has in all, whatever was asked for.
    pub total: i64,
}

/// How streams are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StreamOrder {
    /// Newest activity first.
    #[default]
    Active,
    /// By name.
    Name,
}
