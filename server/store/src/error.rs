//! What can go wrong, each as a sentence that says what to do.

use highwater_model::{ExpectedVersion, StreamName, Version};
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use uuid::Uuid;

/// Why the store refused, or could not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The stream is not at the version that the writer expected.
    #[error("stream {stream} was expected at version {expected}, but {}; read it again and decide anew", at(actual.as_ref()))]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// What the writer expected.
        expected: ExpectedVersion,
        /// What it is; none when there is no such stream.
        actual: Option<Version>,
    },
    /// An event with this id is there already, with another content or in another place.
    #[error(
        "an event with id {id} is in the log already, with another content or in another place; give a new event a new id"
    )]
    IdReused {
        /// The id.
        id: Uuid,
    },
    /// A transaction that appended to the stream through SQL is still open.
    #[error(
        "an open SQL transaction has appended to stream {stream} and not ended yet; try again when it has, or end it (GET /api/store names it)"
    )]
    StreamBusy {
        /// The stream.
        stream: StreamName,
    },
    /// More waits to be appended than can be taken.
    #[error(
        "more appends are waiting than the database keeps up with; try again in {retry_after_s} s"
    )]
    Overloaded {
        /// When to try again, in seconds.
        retry_after_s: u64,
    },
    /// Something is too large, or not storable.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Metadata that breaks its few rules.
    #[error("metadata of event {event} for stream {stream}: {problem}")]
    BadMetadata {
        /// The stream.
        stream: StreamName,
        /// Which event of the append, from 0.
        event: usize,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A rule for flows that no flow could be judged by.
    #[error("the rule is not right: {0}")]
    BadRule(String),
    /// A view that can't be saved.
    #[error("the view can't be saved: {0}")]
    BadView(String),
    /// A user, invitation or token that can't be.
    #[error("{0}")]
    BadIdentity(String),
    /// A rule of masking that can't be.
    #[error("{0}")]
    BadMask(String),
    /// A user or token of this name exists.
    #[error("{name} exists already; take another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Nobody would be left who keeps users.
    #[error("that would leave no admin who can get in; make somebody else an admin first")]
    LastAdmin,
    /// The query is not one that can be answered.
    #[error("{0}")]
    BadQuery(String),
    /// The database does not answer.
    #[error("the database does not answer ({0}); try again shortly")]
    Unavailable(String),
    /// The database answers, and takes no writes.
    #[error(
        "the database takes no writes now ({0}). Reading goes on and nothing of this was recorded: try again when it takes them; GET /api/store/checks says what it lacks"
    )]
    NotWritable(String),
    /// The query took too long and was stopped.
    #[error(
        "the query took longer than {seconds} s and was stopped; narrow it by time (since:…), type or stream"
    )]
    TooSlow {
        /// How long it was given.
        seconds: u64,
    },
    /// A newer Highwater has been here.
    #[error(
        "this database has schema version {found}, this Highwater knows {known}: it was migrated by a newer one; start that one or newer"
    )]
    NewerSchema {
        /// What the database has.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// Too old a server.
    #[error("Highwater needs PostgreSQL 14 or newer; this server is {0}")]
    OldPostgres(String),
    /// The log is not what it must be.
    #[error("{0}")]
    Broken(String),
    /// Anything else that the database says.
    #[error("the database says: {0}")]
    Database(#[source] sqlx::Error),
}

fn at(actual: Option<&Version>) -> String {
    actual.map_or_else(
        || "there is no such stream".to_owned(),
        |version| format!("it is at {version}"),
    )
}

/// What of an append is too large, or cannot be stored. `event` counts from 0 over the stream's events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// Nothing to append.
    #[error("an append needs at least one event; stream {stream} has none")]
    NoEvents {
        /// The stream.
        stream: String,
    },
    /// Nothing at all.
    #[error("an append needs at least one stream with at least one event")]
    NothingToAppend,
    /// The same stream twice.
    #[error("stream {stream} stands twice in one append; put its events together, in order")]
    StreamTwice {
        /// The stream.
        stream: String,
    },
    /// The event is too large.
    #[error(
        "event {event} for stream {stream} has {bytes} bytes of data and metadata; {limit} is the most"
    )]
    EventBytes {
        /// The stream.
        stream: String,
        /// Which event.
        event: usize,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many events.
    #[error("the append has {events} events; {limit} is the most: split it, or import")]
    AppendEvents {
        /// How many.
        events: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many bytes.
    #[error(
        "the append has {bytes} bytes of data and metadata; {limit} is the most: split it, or import"
    )]
    AppendBytes {
        /// How many.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The stream's name is too long.
    #[error("the stream's name {start}… has {bytes} bytes; {limit} is the most")]
    StreamNameBytes {
        /// Its first characters.
        start: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The type's name is empty, too long or holds control characters.
    #[error(
        "event {event} for stream {stream}: a type has 1 to {limit} bytes and no control characters, like OrderPlaced"
    )]
    TypeName {
        /// The stream.
        stream: String,
        /// Which event.
        event: usize,
        /// The limit.
        limit: usize,
    },
    /// Nested too deeply.
    #[error("event {event} for stream {stream} nests deeper than {limit} levels")]
    JsonDepth {
        /// The stream.
        stream: String,
        /// Which event.
        event: usize,
        /// The limit.
        limit: usize,
    },
    /// `\u0000`, half of a surrogate pair, a number beyond all bounds.
    #[error("event {event} for stream {stream} holds {what}, which the database cannot store")]
    NotStorable {
        /// The stream.
        stream: String,
        /// Which event.
        event: usize,
        /// What it holds.
        what: &'static str,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Tls(_) => Self::Unavailable(error.to_string()),
            sqlx::Error::Database(database) if is_absence(&error) => {
                Self::Unavailable(database.message().to_owned())
            }
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("57014") => Self::TooSlow {
                    seconds: crate::open::READ_TIMEOUT_S,
                },
                _ if is_unwritable(&error) => Self::NotWritable(database.message().to_owned()),
                _ => Self::Database(error),
            },
            _ => Self::Database(error),
        }
    }
}

/// The database shuts down, has crashed, has too many connections, or ends this one for a reason of its own.
pub(crate) fn is_absence(error: &sqlx::Error) -> bool {
    let Some(said) = error.as_database_error() else {
        return false;
    };
    // What is fatal ends the session, whatever its code: a database that is closed to us, a password that was changed.
    let is_fatal = said
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|said| matches!(said.severity(), PgSeverity::Fatal | PgSeverity::Panic));
    is_fatal
        || matches!(
            said.code().as_deref(),
            Some("57P01" | "57P02" | "57P03" | "53300")
        )
}

/// The database is read-only, or has no room.
pub(crate) fn is_unwritable(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(
        code.as_deref(),
        Some(READ_ONLY | "53000" | "53100" | "53200" | "53400")
    )
}

/// The SQLSTATE of a write where only reading is possible.
pub(crate) const READ_ONLY: &str = "25006";

/// Whether a SQLSTATE says that the database is shut down, full or gone, which is no fault of whoever's SQL it ran.
pub(crate) fn is_outage(sqlstate: &str) -> bool {
    ["57P", "53", "08"]
        .iter()
        .any(|class| sqlstate.starts_with(class))
}
