//! What an operator sends with an order that takes long or changes which version is live.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::object::object_only;
use crate::{Position, RebuildPlan, ReplayPlan, VersionRole};

/// What is to be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// Handling all events into a shadow beside the live version.
    #[default]
    Rebuild,
    /// Handling events again, from one on, into the live version.
    Replay,
}

/// Body of `POST /api/read-models/{name}/plan`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct PlanBody {
    /// A rebuild unless given.
    #[serde(default)]
    pub kind: PlanKind,
    /// Of a replay: the first position that is handled again …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Position>,
    /// … or the moment from which on events are, by when they were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub since: Option<Timestamp>,
}
object_only!(
    PlanBody,
    "what to plan: an object like {\"kind\": \"rebuild\"}, or an empty one"
);

/// Body of `POST /api/read-models/{name}/rebuild`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RebuildBody {
    /// The plan as it was answered; needed: whoever orders has seen what it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<RebuildPlan>,
    /// Why; the audit log keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    RebuildBody,
    "an order to rebuild: an object with the plan that POST …/plan answered, and perhaps a reason"
);

/// Body of `POST /api/read-models/{name}/replay`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct ReplayBody {
    /// The plan as it was answered; needed: whoever orders has seen what it costs. It says where the replay begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<ReplayPlan>,
    /// Why; needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    ReplayBody,
    "an order to replay: an object with the plan that POST …/plan answered, and a reason"
);

/// Body of `POST /api/read-models/{name}/rebuild-part`: one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct PartBody {
    /// The stream whose rows are made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The category whose rows are made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Why; needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    PartBody,
    "an order: an object with a stream or a category, and a reason"
);

/// Body of `POST /api/read-models/{name}/promote` and `…/go-back`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct PromoteBody {
    /// Why; needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(PromoteBody, "an order: an object with a reason");

/// Body of `POST /api/read-models/{name}/discard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct DiscardBody {
    /// Which: `shadow` or `previous`.
    pub version: VersionRole,
    /// Why; needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    DiscardBody,
    "an order to discard: an object with the version (shadow or previous) and a reason"
);

/// Body of `POST /api/read-models/{name}/failures/{position}/retry` and `…/skip`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct FailureBody {
    /// Why; a skip needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version that stands on the event: `live` unless given, or `shadow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionRole>,
}
object_only!(
    FailureBody,
    "an order: an object with a reason, and perhaps the version (live or shadow)"
);

/// Body of `POST /api/jobs/{id}/speed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct SpeedBody {
    /// Events a second at most; null: as many as it can. Always given: an empty object must not lift a limit.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub limit: Option<i32>,
    /// Why; the audit log keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    SpeedBody,
    "a speed: an object with a limit in events a second, or null for none"
);
