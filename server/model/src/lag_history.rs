//! How far behind read models were, over time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::LagPoint;

/// `GET /api/read-models/lag-history`: those that were furthest behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LagHistory {
    /// From here on.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Up to here.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// Seconds between two points; each says the worst of its step.
    pub step_s: i64,
    /// The worst ones, by name.
    pub read_models: Vec<LagSeries>,
    /// Read models that were sampled in this time and are not among them.
    pub left_out: i64,
}

/// How far behind one of them was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LagSeries {
    /// Its name.
    pub name: String,
    /// Oldest first; where nothing was sampled there is none.
    pub points: Vec<LagPoint>,
}
