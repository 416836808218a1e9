//! Categories: the kinds of streams.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One category of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CategorySummary {
    /// Its name.
    pub category: String,
    /// How many streams it has.
    pub streams: i64,
    /// How many events they have.
    pub events: i64,
    /// When its first event was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_recorded_at: Timestamp,
    /// When its newest event was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_recorded_at: Timestamp,
}
