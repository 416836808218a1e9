//! Flows: the events of one correlation id, from what began them to what ended them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Position, StreamName, Version};

/// What a flow comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowSummary {
    /// The correlation id of its events.
    pub correlation_id: Uuid,
    /// The type that it begins with: flows of one kind go the same way.
    pub kind: String,
    /// How far it is, by the rule of its kind.
    pub state: FlowState,
    /// It is unfinished for longer than the rule gives it.
    pub late: bool,
    /// The type that ended it; none while none has.
    pub outcome: Option<String>,
    /// The type of its newest event.
    pub last_type: String,
    /// How many events it has.
    pub events: i64,
    /// Position of its first event.
    pub first_position: Position,
    /// Position of its newest.
    pub last_position: Position,
    /// The earliest moment at which one of its events occurred.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub began_at: Timestamp,
    /// The latest.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ended_at: Timestamp,
}

impl FlowSummary {
    /// From its earliest event to its latest, in milliseconds.
    pub fn duration_ms(&self) -> i64 {
        self.ended_at.as_millisecond() - self.began_at.as_millisecond()
    }
}

/// How far a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// Its kind has no rule, so nobody can tell.
    NoRule,
    /// None of the types that end its kind has come.
    Unfinished,
    /// One has.
    Finished,
}

/// Which flows of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FlowShown {
    /// All.
    #[default]
    All,
    /// The unfinished ones.
    Unfinished,
    /// Those of them that are late.
    Late,
    /// The finished ones.
    Finished,
}

/// How a list of flows is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FlowOrder {
    /// What began last comes first.
    #[default]
    Newest,
    /// What began first.
    Oldest,
    /// What took, or takes, longest.
    Slowest,
}

/// A page of flows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowList {
    /// The flows.
    pub flows: Vec<FlowSummary>,
    /// Where the next page goes on; none when nothing is left, and for the slowest.
    pub next: Option<Position>,
    /// So many flows at most were looked through for this page: a filter that few match may find nothing in one page and more in the next,
    /// and the slowest are the slowest of these.
    pub looked_through: i64,
    /// Events up to here are in it; behind the log's end by what was appended within the last second, or what is still being summarised.
    pub summarised: Position,
    /// The log's end.
    pub head: Position,
}

/// The flows that begin with one type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowKind {
    /// The type.
    pub kind: String,
    /// Its rule; none: nobody has said when such a flow is finished.
    pub rule: Option<FlowRule>,
    /// How many of its newest flows the figures below are of (2,000 at most).
    pub sample: i64,
    /// How many of them are finished. Of a kind without a rule, durations are of all of the sample, else of these.
    pub finished: i64,
    /// Half of them took no longer, in milliseconds; none without any.
    pub p50_ms: Option<i64>,
    /// 95 of 100 took no longer.
    pub p95_ms: Option<i64>,
    /// 99 of 100 took no longer.
    pub p99_ms: Option<i64>,
    /// Unfinished flows of any age; counted up to 10,000.
    pub unfinished: i64,
    /// Those of them that are late; counted up to 10,000.
    pub late: i64,
    /// What ended the flows of the sample: the type and how many, the most frequent first.
    pub outcomes: Vec<FlowOutcome>,
}

/// How often a type ended a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowOutcome {
    /// The type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// How many flows.
    pub flows: i64,
}

/// When flows of a kind are finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowRule {
    /// An event of one of these types ends it.
    pub ends: Vec<String>,
    /// Without one it is late after so long, in milliseconds; none: never.
    pub within_ms: Option<i64>,
    /// Who wrote the rule.
    pub actor: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub set_at: Timestamp,
    /// Flows that began before the rule was written are being judged by it: it is done down to this position; none: with all of them.
    pub judged_to: Option<Position>,
}

/// A rule as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FlowRuleBody {
    /// The types that end such a flow; none takes the rule back.
    pub ends: Vec<String>,
    /// How long one may take, in milliseconds, 1 to a year; none: as long as it wants.
    #[serde(default)]
    pub within_ms: Option<i64>,
    /// Why, for the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One flow with its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Flow {
    /// What it comes to.
    pub summary: FlowSummary,
    /// The rule that it was judged by; none: its kind has no rule.
    pub rule: Option<FlowRule>,
    /// Its events by position, the first ones; `summary.events` says how many there are.
    pub events: Vec<FlowEvent>,
    /// Causes of these events that are in the store, but not in this flow.
    pub outside: Vec<FlowEvent>,
    /// Causes that are not in the store at all: the chain is broken there.
    pub missing: Vec<Uuid>,
}

/// An event as a flow shows it: without its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowEvent {
    /// Its id.
    pub id: Uuid,
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in its stream.
    pub version: Version,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The service that wrote it, if its metadata says so (`service`).
    pub service: Option<String>,
    /// The event that caused it.
    pub caused_by: Option<Uuid>,
    /// When it happened.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub occurred_at: Timestamp,
    /// When it was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub recorded_at: Timestamp,
}
