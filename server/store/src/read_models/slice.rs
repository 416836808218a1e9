//! One slice: the handler and the checkpoint in one transaction.

use std::time::Duration;

use highwater_model::Position;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Postgres, Transaction};

use super::owner::quoted;
use super::set_up::CATCH_UP_LIMIT;
use crate::error::{READ_ONLY, is_outage};
use crate::{PoolUse, Store};

/// What the sessions are called that run slices.
pub(crate) const SLICES: &str = "highwater read models";
/// How long a session may do nothing inside a transaction before the database ends it: a runner that hangs holds its version no longer.
const IDLE_IN_TRANSACTION: &str = "8s";
/// Memory of a large slice: what it makes of its events should be summed up there, not on disk.
const LARGE_MEMORY: &str = "64MB";

/// Connections that run slices, apart from those that answer queries. What a handler may have left in its session (settings,
/// advisory locks) is gone before the next one gets it.
#[derive(Debug, Clone)]
pub struct SliceConnections(PgPool);

/// What the database says about the next slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceStart {
    /// These events are to be handled; the checkpoint has moved over them when the transaction commits.
    Begun(BegunSlice),
    /// Nothing to handle up to the head.
    Idle {
        /// The head.
        head: Position,
    },
    /// It is paused, faulted or stopped, or somebody else runs it.
    Refused,
    /// Nothing begins until maintenance ends.
    Maintenance,
    /// Another event stands at the checkpoint than the one that was handled: the log is not the one that it was.
    Changed {
        /// The checkpoint.
        checkpoint: Position,
    },
}

/// A slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BegunSlice {
    /// It begins behind this.
    pub after: Position,
    /// The first event that it holds.
    pub first: Position,
    /// It ends here.
    pub upto: Position,
    /// Events that it holds.
    pub events: i64,
    /// The head of the log.
    pub head: Position,
}

/// Why a slice came to nothing; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum SliceError {
    /// What the handler does fails; with the same events it would fail again.
    #[error("{message}")]
    Handler {
        /// What the database says.
        message: String,
        /// SQLSTATE.
        sqlstate: Option<String>,
    },
    /// The database is not there, busy or in the way; the next attempt may well succeed.
    #[error("{0}")]
    Database(String),
}

impl SliceError {
    /// From an error of a statement of the handler.
    pub fn from_handler(error: &sqlx::Error) -> Self {
        let Some(said) = error.as_database_error() else {
            return Self::from_database(error);
        };
        let code = said.code().unwrap_or_default().into_owned();
        // Shut down, no connection, no resources, no writes, transactions in each other's way: not the definition's fault.
        let passing = is_outage(&code)
            || matches!(
                code.as_str(),
                "40001" | "40P01" | "55P03" | "25P03" | READ_ONLY
            );
        if passing {
            return Self::from_database(error);
        }
        let message = if code == "57014" {
            "the handler took too long and was stopped".to_owned()
        } else {
            said.message().to_owned()
        };
        Self::Handler {
            message,
            sqlstate: Some(code),
        }
    }

    fn from_database(error: &sqlx::Error) -> Self {
        Self::Database(error.as_database_error().map_or_else(
            || error.to_string(),
            |said| format!("{} ({})", said.message(), said.code().unwrap_or_default()),
        ))
    }
}

impl From<sqlx::Error> for SliceError {
    fn from(error: sqlx::Error) -> Self {
        Self::from_database(&error)
    }
}

impl Store {
    /// Connections for slices.
    pub fn slice_connections(&self, max: u32) -> SliceConnections {
        let options = PgConnectOptions::clone(&self.pool().connect_options())
            .application_name(SLICES)
            .options([
                ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
                // A server that is gone must not hold its slices: the database notices while it runs a statement and while it waits.
                ("client_connection_check_interval", "2s"),
                ("tcp_keepalives_idle", "3"),
                ("tcp_keepalives_interval", "1"),
                ("tcp_keepalives_count", "3"),
            ]);
        SliceConnections(
            PgPoolOptions::new()
                .max_connections(max)
                .acquire_timeout(Duration::from_secs(30))
                // A handler's plans are made for the log as it was; a session that is not old has none that are.
                .max_lifetime(Duration::from_mins(1))
                .test_before_acquire(false)
                .after_release(|connection, _| {
                    Box::pin(async move {
                        connection
                            .execute("reset all; select pg_catalog.pg_advisory_unlock_all()")
                            .await?;
                        Ok(true)
                    })
                })
                .connect_lazy_with(options),
        )
    }
}

impl SliceConnections {
    /// A connection for the next slice.
    pub async fn acquire(&self) -> Result<SliceConnection, SliceError> {
        Ok(SliceConnection(self.0.acquire().await?))
    }

    /// How they are used.
    pub fn usage(&self) -> PoolUse {
        PoolUse::of("slices", &self.0)
    }

    /// Ends them.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// A connection for one slice.
#[derive(Debug)]
pub struct SliceConnection(PoolConnection<Postgres>);

/// Outcome, and the slice's positions and numbers.
type BeginRow = (
    String,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

impl SliceConnection {
    /// The connection itself, outside of any slice.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Begins the next slice: its checkpoint moves first, so whoever comes second finds it moved.
    pub async fn begin(
        &mut self,
        version_id: i64,
        generation: i64,
        most: i32,
        timeout: Duration,
    ) -> Result<(SliceStart, Slice<'_>), SliceError> {
        let memory = if most > CATCH_UP_LIMIT {
            format!("; set local work_mem = '{LARGE_MEMORY}'")
        } else {
            String::new()
        };
        let begin = format!(
            "begin; set local statement_timeout = {}; set local lock_timeout = '5s'{memory}",
            timeout.as_millis(),
        );
        let mut transaction = self.0.begin_with(AssertSqlSafe(begin)).await?;
        let (outcome, after, first, upto, events, head): BeginRow = sqlx::query_as(
            "select outcome, after, first, upto, events, head from highwater.begin_slice($1, $2, $3)",
        )
        .bind(version_id)
        .bind(generation)
        .bind(most)
        .fetch_one(&mut *transaction)
        .await?;
        let position = |value: Option<i64>| Position(value.unwrap_or(0));
        let start = match outcome.as_str() {
            "begun" => SliceStart::Begun(BegunSlice {
                after: position(after),
                first: position(first),
                upto: position(upto),
                events: events.unwrap_or(0),
                head: position(head),
            }),
            "idle" => SliceStart::Idle {
                head: position(head),
            },
            "changed" => SliceStart::Changed {
                checkpoint: position(after),
            },
            "maintenance" => SliceStart::Maintenance,
            _ => SliceStart::Refused,
        };
        Ok((
            start,
            Slice {
                transaction,
                version_id,
            },
        ))
    }
}

/// A slice that is being handled; dropped without [`Slice::commit`], nothing of it is kept.
#[derive(Debug)]
pub struct Slice<'c> {
    pub(super) transaction: Transaction<'c, Postgres>,
    pub(super) version_id: i64,
}

impl Slice<'_> {
    /// Runs the SQL handler of a schema.
    pub async fn run_handler(&mut self, schema: &str) -> Result<(), SliceError> {
        let call = format!("select {}.handle()", quoted(schema));
        sqlx::query(AssertSqlSafe(call))
            .execute(&mut *self.transaction)
            .await
            .map(|_| ())
            .map_err(|error| SliceError::from_handler(&error))
    }

    /// The transaction's connection, for a projection in code.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Notes that earlier failures up to the checkpoint are handled now.
    pub async fn settle_failures(&mut self) -> Result<(), SliceError> {
        sqlx::query(
            "update highwater.read_model_failures set outcome = 'handled' where version_id = $1 and outcome = 'open'
               and position <= (select checkpoint from highwater.read_model_progress where version_id = $1)",
        )
        .bind(self.version_id)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Keeps it.
    pub async fn commit(self) -> Result<(), SliceError> {
        Ok(self.transaction.commit().await?)
    }

    /// Gives it up.
    pub async fn rollback(self) -> Result<(), SliceError> {
        Ok(self.transaction.rollback().await?)
    }
}
