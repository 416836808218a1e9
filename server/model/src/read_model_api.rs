//! What the API asks and answers about read models, beside [`ReadModel`] itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::object::object_only;
use crate::{Lag, Position, ReadModel, ReadModelState, VersionRole};

/// Body of an order: `pause`, `resume`, `retry`, `skip`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct OrderBody {
    /// Why; the audit log keeps it. A skip needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
object_only!(
    OrderBody,
    "an order: an object with a reason, or an empty one"
);

/// What became of a definition that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DefineOutcome {
    /// It is a read model now, and starts.
    Started,
    /// It waits beside the live version for its rebuild; the live tables are as they were.
    Waiting,
    /// The live version is the same.
    Unchanged,
    /// It waits until an administrator of the database has run the statements.
    WaitsForAdministrator,
}

/// Answer to `PUT /api/read-models/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DefinedReadModel {
    /// The read model.
    pub name: String,
    /// What became of it.
    pub outcome: DefineOutcome,
    /// Its new version; none when nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<i64>,
    /// What an administrator of the database has to run first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
}

/// A definition of the watched folder that was refused; the read model of its name, if there is one, is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedDefinition {
    /// Its file's name without `.sql`; empty: the folder itself.
    pub name: String,
    /// What is wrong, and where.
    pub problem: String,
}

/// Answer to `GET /api/read-models/{name}?position=` and `?wait=`: whether everything up to there has been handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandledAnswer {
    /// The read model.
    pub name: String,
    /// The position that was asked for.
    pub position: Position,
    /// No event that it handles lies between its checkpoint and the position.
    pub handled: bool,
    /// Its checkpoint.
    pub checkpoint: Position,
}

/// A read model that handles an event's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandledBy {
    /// The read model.
    pub name: String,
    /// It has handled the event.
    pub handled: bool,
}

/// A read model in the live feed `lag`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadModelLag {
    /// Its name.
    pub name: String,
    /// State of the live version.
    pub state: ReadModelState,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Everything up to here is handled.
    pub checkpoint: Position,
    /// How far behind it is.
    pub lag: Lag,
    /// Events that it handles a second.
    pub rate: f64,
    /// In words.
    pub trend: String,
    /// Events that it has handled.
    pub handled: i64,
    /// Failures that nobody has decided on.
    pub failures: i64,
    /// The event that it can't get past.
    pub stands_on: Option<Position>,
    /// Roles of its versions: a waiting or a shadow one comes and goes.
    pub versions: Vec<VersionRole>,
}

impl From<&ReadModel> for ReadModelLag {
    fn from(read_model: &ReadModel) -> Self {
        let live = read_model.versions.first();
        Self {
            name: read_model.name.clone(),
            state: read_model.state,
            reason: read_model.reason.clone(),
            since: read_model.since,
            checkpoint: read_model.checkpoint,
            lag: read_model.lag,
            rate: read_model.rate,
            trend: read_model.trend.clone(),
            handled: live.map_or(0, |live| live.handled),
            failures: live.map_or(0, |live| live.failures),
            stands_on: read_model
                .stands_on
                .as_ref()
                .map(|failure| failure.position),
            versions: read_model
                .versions
                .iter()
                .map(|version| version.role)
                .collect(),
        }
    }
}

/// A column of a read model's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowsColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it.
    #[serde(rename = "type")]
    pub column_type: String,
    /// It belongs to the primary key.
    pub key: bool,
}

/// Answer to `GET /api/read-models/{name}/rows`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowsPage {
    /// The version that they are of.
    pub version_id: i64,
    /// The table.
    pub table: String,
    /// All tables of the version.
    pub tables: Vec<String>,
    /// The table's columns, in order.
    pub columns: Vec<RowsColumn>,
    /// Rows: objects with a field a column.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub rows: Vec<Box<RawValue>>,
    /// The `cursor` of the next page; none when nothing is left.
    pub next: Option<String>,
}

/// Answer to `POST /api/read-models/{name}/check`: a definition was tried three ways over the same events, and nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckReport {
    /// Events that it was tried on: the first of the log that it handles.
    pub events: i64,
    /// Up to here.
    pub upto: Position,
    /// What the random sizes followed from; the same seed gives the same slices.
    pub seed: u64,
    /// Tables whose rows depend on slicing; none: it does not depend on it.
    pub differences: Vec<CheckDifference>,
}

/// A table whose rows depend on slicing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckDifference {
    /// The table.
    pub table: String,
    /// What was compared with one slice of all events: `slices of one event`, `slices of random sizes`.
    pub slicing: String,
    /// Rows that only these slices have.
    pub here: i64,
    /// Rows that only the one slice has.
    pub there: i64,
    /// One of them, as JSON.
    pub example: Option<String>,
}
