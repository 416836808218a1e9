//! The store as a whole: the mark, sizes, rates.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Limits, Position};

/// Where the high-water mark stands. Positions are dense and given in commit order, so the mark is the head: nothing can still appear below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mark {
    /// The newest position that is safe to read.
    pub position: Position,
    /// The event that stands there; none in an empty store.
    pub event_id: Option<Uuid>,
    /// When it was recorded.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub recorded_at: Option<Timestamp>,
    /// When the server looked.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub seen_at: Timestamp,
    /// Events recorded in the last second or so, per second.
    pub rate: f64,
}

/// A transaction that has appended through SQL and not committed, or a session that holds or awaits the log's lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MarkHolder {
    /// Backend process id.
    pub pid: i32,
    /// `holds` the log's lock, `waits` for it, or has `open` appends of its own.
    pub what: String,
    /// Application name.
    pub application: String,
    /// Client address; none over a Unix socket.
    pub client: Option<String>,
    /// Database user.
    pub user: Option<String>,
    /// Age of its transaction, in seconds.
    pub seconds: f64,
    /// What its session does: `active`, `idle in transaction` …; none where the rights don't reach.
    #[serde(default)]
    pub state: Option<String>,
    /// The first words of its newest statement; none where the rights don't reach.
    #[serde(default)]
    pub statement: Option<String>,
}

/// `GET /api/store/sizes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoreSizes {
    /// Highwater's tables and their indexes, the largest first.
    pub relations: Vec<RelationSize>,
    /// Events that were recorded within the last 24 hours.
    pub events_last_day: i64,
    /// Sessions that are connected to the database server.
    pub connections: i64,
    /// How many it takes.
    pub connections_most: i64,
}

/// The size of a table or an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationSize {
    /// Its name.
    pub name: String,
    /// Of an index, its table.
    pub table: Option<String>,
    /// Bytes; of a table without its indexes.
    pub bytes: i64,
}

/// `GET /api/store`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoreFacts {
    /// The mark.
    pub mark: Mark,
    /// What holds it, or waits for it.
    pub holders: Vec<MarkHolder>,
    /// Events in the log.
    pub events: i64,
    /// Streams.
    pub streams: i64,
    /// Bytes of the events table with its indexes.
    pub events_bytes: i64,
    /// Bytes of the whole database.
    pub database_bytes: i64,
    /// Version of the database's schema.
    pub schema_version: i64,
    /// What the server says of itself: `PostgreSQL 15.18 (…)`.
    pub postgres: String,
    /// True when Highwater started this Postgres itself.
    pub embedded: bool,
    /// What the database lets Highwater do.
    pub rights: DatabaseRights,
    /// What an append may hold.
    pub limits: Limits,
    /// Version of Highwater.
    pub highwater: String,
    /// How this server learns that the log has grown, and how it appends.
    #[serde(default)]
    pub tail: TailFacts,
}

/// How a server learns that the log has grown, and how it appends; of this process alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TailFacts {
    /// Milliseconds since the feed last looked at the log with success. It looks when it is told of an append, and once a second otherwise.
    pub looked_ms_ago: i64,
    /// Milliseconds since the database last told of an append by any process; none: not since this server listens.
    pub told_ms_ago: Option<i64>,
    /// Events that a batch of appends holds lately; none: nothing was appended here within 5 s.
    pub batch_events: Option<f64>,
    /// Milliseconds until a batch is committed lately.
    pub batch_ms: Option<f64>,
}

/// What the database lets Highwater do, beside owning its own schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatabaseRights {
    /// The database's user that Highwater is.
    pub user: String,
    /// It may see what other users' sessions do (`pg_read_all_stats`); without it a holder of the mark has no name.
    pub sees_sessions: bool,
    /// What an administrator would run so that SQL read models can be made; empty when nothing is missing.
    #[serde(default)]
    pub read_models_need: Vec<String>,
}
