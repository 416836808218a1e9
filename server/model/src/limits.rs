//! How large things may be.

use serde::{Deserialize, Serialize};

/// What the store accepts. Each has its own refusal, so that a writer knows which one was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Bytes of one event's data and metadata together.
    pub event_bytes: usize,
    /// Events in one append.
    pub append_events: usize,
    /// Bytes of one append's data and metadata together.
    pub append_bytes: usize,
    /// Bytes of a stream's name.
    pub stream_name_bytes: usize,
    /// Bytes of an event type's name.
    pub type_bytes: usize,
    /// How deep objects and arrays may nest in data and metadata.
    pub json_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: 1 << 20,
            append_events: 1_000,
            append_bytes: 8 << 20,
            stream_name_bytes: 255,
            type_bytes: 255,
            json_depth: 64,
        }
    }
}
