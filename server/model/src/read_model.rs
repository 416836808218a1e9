//! Read models: their state, lag, failures, and what operators did to them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::filter::Glob;
use crate::{FailurePolicy, HandlerKind, Position};

/// What a projection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReadModelState {
    /// Its tables and its runner are being made ready.
    Starting,
    /// It handles what was recorded before.
    CatchingUp,
    /// It handles events as they are recorded.
    Live,
    /// An operator paused it.
    Paused,
    /// It can't go on by itself; the reason says why.
    Faulted,
    /// Nobody runs it; the reason says why.
    Stopped,
}

impl ReadModelState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::CatchingUp,
        Self::Live,
        Self::Paused,
        Self::Faulted,
        Self::Stopped,
    ];

    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::CatchingUp => "catching_up",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Faulted => "faulted",
            Self::Stopped => "stopped",
        }
    }

    /// A runner works on it.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::CatchingUp | Self::Live)
    }
}

impl fmt::Display for ReadModelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a version of a read model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VersionRole {
    /// Readers query it.
    Live,
    /// It is built beside the live one.
    Shadow,
    /// It was live before; going back leads to it.
    Previous,
    /// A changed definition that has no tables yet: it waits for its rebuild.
    Waiting,
}

impl VersionRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Live, Self::Shadow, Self::Previous, Self::Waiting];

    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Shadow => "shadow",
            Self::Previous => "previous",
            Self::Waiting => "waiting",
        }
    }
}

/// How far a checkpoint is behind.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lag {
    /// Positions between the checkpoint and the head.
    pub positions: i64,
    /// Events among them that the projection handles.
    pub matching: i64,
    /// There are more of them than that.
    pub capped: bool,
    /// Age of the oldest of them.
    pub seconds: f64,
}

/// A moment of a lag's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LagPoint {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The lag; of a longer step, its worst.
    #[serde(flatten)]
    pub lag: Lag,
    /// Events that this version had handled in all by then.
    pub handled: i64,
}

/// A version of a read model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadModelVersion {
    /// Identity, across all read models.
    pub id: i64,
    /// 1 for the first definition, and so on.
    pub number: i32,
    /// What it is for.
    pub role: VersionRole,
    /// The text of its definition; empty for a projection in code.
    pub definition: String,
    /// Types of the events that it handles.
    pub events: Vec<String>,
    /// How its handler is run; none for a projection in code.
    pub handler: Option<HandlerKind>,
    /// What happens with an event that can't be handled.
    pub policy: FailurePolicy,
    /// The schema with its tables; none before they are made.
    pub schema: Option<String>,
    /// State.
    pub state: ReadModelState,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Everything up to here is handled.
    pub checkpoint: Position,
    /// The event that stands there.
    pub checkpoint_event_id: Option<Uuid>,
    /// When the checkpoint moved last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub moved_at: Option<Timestamp>,
    /// Goes up with each new runner; slices of an older one are refused.
    pub generation: i64,
    /// Events that it has handled.
    pub handled: i64,
    /// Failures that nobody has decided on.
    pub failures: i64,
    /// When the definition came in.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
}

/// `GET /api/read-models/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadModel {
    /// Its name; the schema of its live tables has the same.
    pub name: String,
    /// What question it answers.
    pub describe: Option<String>,
    /// Where its definition comes from: `api`, `code`, or a file.
    pub source: String,
    /// State of the live version.
    pub state: ReadModelState,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Everything up to here is handled.
    pub checkpoint: Position,
    /// How far behind the live version is.
    pub lag: Lag,
    /// Events that it handles a second.
    pub rate: f64,
    /// In words: `live`, `catching up, about 40 s`, `falling behind`, `stalled at 812 for 3 min`.
    pub trend: String,
    /// The event that it can't get past.
    pub stands_on: Option<Failure>,
    /// Its versions: live first.
    pub versions: Vec<ReadModelVersion>,
}

impl ReadModel {
    /// The types of event that its live version handles; a star in one stands for any characters.
    pub fn types(&self) -> Vec<Glob> {
        let live = self.versions.first();
        let texts = live.into_iter().flat_map(|live| &live.events);
        texts.map(|text| Glob::starred(text)).collect()
    }
}

/// What became of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureOutcome {
    /// Nothing yet.
    Open,
    /// A later attempt handled it.
    Handled,
    /// The event was left out.
    Skipped,
}

impl FailureOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Handled, Self::Skipped];

    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Handled => "handled",
            Self::Skipped => "skipped",
        }
    }
}

/// An event that a projection could not handle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failure {
    /// The version of the read model.
    pub version_id: i64,
    /// The event.
    pub position: Position,
    /// Its id.
    pub event_id: Uuid,
    /// What the handler said.
    pub error: String,
    /// SQLSTATE, when the database said it.
    pub sqlstate: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
    /// The first attempt.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_at: Timestamp,
    /// The last one.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_at: Timestamp,
    /// What became of it.
    pub outcome: FailureOutcome,
}

/// What an operator did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Action {
    /// Grows with time.
    pub id: i64,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What: `pause`, `resume`, `retry`, `skip`, `define`, …
    pub action: String,
    /// The read model that it was done to.
    pub read_model: Option<String>,
    /// The subscription that it was done to.
    #[serde(default)]
    pub subscription: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What it was before.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub before: Value,
    /// What it is after.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub after: Value,
    /// `done`, or what happened instead.
    pub outcome: String,
}
