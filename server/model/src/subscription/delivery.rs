//! How members take events: fetched or sent, and acknowledged.

use serde::{Deserialize, Serialize};

use super::SubscriptionState;
use crate::{Position, RecordedEvent};

/// Events that a member may have unacknowledged, at most.
pub const AT_MOST: i64 = 1_000;
/// Unless a member says otherwise.
pub const AT_MOST_USUAL: i64 = 100;
/// How long a fetch may wait for events, in seconds: less than the server gives a call.
pub const WAIT_MAX_S: i64 = 25;

/// An event on its way to a member.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// 1 for the first time; one more for each failure before. It counts failures, not deliveries: one that was taken back from a member
    /// that had not come to it is no failure.
    pub attempt: i32,
    /// The event.
    pub event: RecordedEvent,
}

/// An event that a member could not handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FailedDelivery {
    /// Which.
    pub position: Position,
    /// Why; an operator reads it.
    #[serde(default)]
    pub error: String,
}

/// Asks for events, and says what became of earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FetchBody {
    /// Who asks.
    pub member: String,
    /// How many it may have unacknowledged then: 100 unless given, 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// How long to wait when there are none, in seconds: 0 unless given, 25 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<i64>,
    /// Positions of events that it has handled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledge: Vec<Position>,
    /// Events that it could not handle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedDelivery>,
}

/// Says what became of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeBody {
    /// Who says it.
    pub member: String,
    /// Positions of events that it has handled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledge: Vec<Position>,
    /// Events that it could not handle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedDelivery>,
}

/// Gives back what a member has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReleaseBody {
    /// Who leaves.
    pub member: String,
}

/// What was fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fetched {
    /// Events, by position; of a stream one at a time.
    pub deliveries: Vec<Delivery>,
    /// Positions it acknowledged or failed that are not this member's: they were taken back because it took too long, and are given again.
    pub not_held: Vec<Position>,
    /// Whether there may be any.
    pub state: SubscriptionState,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Acknowledged {
    /// How many were acknowledged.
    pub acknowledged: i64,
    /// How many failed, and are tried again or parked.
    pub failed: i64,
    /// Positions that are not this member's: they were taken back because it took too long, and are given again.
    pub not_held: Vec<Position>,
}
