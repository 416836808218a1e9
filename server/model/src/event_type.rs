//! Event types: how many, since when, and what their data looks like.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Position;

/// One event type of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventTypeSummary {
    /// Its name.
    #[serde(rename = "type")]
    pub event_type: String,
    /// How many events have it.
    pub count: i64,
    /// Position of the first.
    pub first_position: Position,
    /// Position of the newest.
    pub last_position: Position,
    /// When the first was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_recorded_at: Timestamp,
    /// When the newest was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_recorded_at: Timestamp,
    /// What its data looks like, learned from its newest events (100 at most).
    pub shape: Vec<Shape>,
}

/// One path in the data of an event type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shape {
    /// Dotted, as the filter line takes it: `data.customer.city`; `[]` for the items of an array.
    pub path: String,
    /// `string`, `number`, `boolean`, `null`, `object` or `array`.
    pub json_type: String,
    /// The share of the sampled events that have it, 0 to 1.
    pub share: f64,
    /// A value seen there, shortened to 60 characters; none for objects and arrays.
    pub example: Option<String>,
    /// It has come up within the last 24 hours: of the type's newest events from before then, as many as were looked through (1,000), none
    /// has it. Never of a type that is itself younger; none where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_new: Option<bool>,
}

/// What the events of a type have since yesterday and had not before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewShapes {
    /// The type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The paths, at least one.
    pub shape: Vec<Shape>,
}
