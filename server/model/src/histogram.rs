//! How many events were recorded when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Counts over time, by `recorded_at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Histogram {
    /// Start of the first bucket.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// End of the last bucket.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// Width of a bucket, in milliseconds.
    pub step_ms: i64,
    /// One for each step, empty ones too, oldest first.
    pub buckets: Vec<Bucket>,
    /// False when the range holds more events than are counted one by one, so that the older buckets are left out (their count is 0).
    pub complete: bool,
}

/// One bucket of a [`Histogram`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bucket {
    /// Its start.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Events recorded in it.
    pub count: i64,
}
