//! The lock that makes a process the runner of a read model.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::{Store, StoreError};

/// How long an answer may take before the connection counts as lost.
const ANSWER: Duration = Duration::from_secs(3);

/// A connection of its own, whose session holds the locks of all read models that this process runs.
///
/// What bounds how long a dead process keeps them: its machine closes the connection (at once); a connection that hangs is given up
/// by the database after 3 + 3 × 1 s without an answer (`tcp_keepalives_*`); a process that hangs and no longer calls
/// [`LeaseConnection::beat`] has its session ended after 6 s (`idle_session_timeout`). The others try every 2 s. A slice that the
/// dead process has begun holds them up no longer: the database ends it when its client is gone (`client_connection_check_interval`),
/// or has said nothing for 8 s inside its transaction. Only a handler that is running for a process that hangs, and not for one that is
/// gone, may take its slice's time-out first.
#[derive(Debug)]
pub struct LeaseConnection(PgConnection);

impl Store {
    /// Opens a lease connection.
    pub async fn lease_connection(&self) -> Result<LeaseConnection, StoreError> {
        let connect = PgConnectOptions::clone(&self.pool().connect_options())
            .application_name("highwater leases")
            .options([
                ("idle_session_timeout", "6s"),
                ("tcp_keepalives_idle", "3"),
                ("tcp_keepalives_interval", "1"),
                ("tcp_keepalives_count", "3"),
            ]);
        Ok(LeaseConnection(in_time(connect.connect()).await?))
    }
}

impl LeaseConnection {
    /// Tries to become the runner of a read model (0: the one who samples lag).
    pub async fn try_take(&mut self, read_model_id: i32) -> Result<bool, StoreError> {
        in_time(
            sqlx::query_scalar("select pg_try_advisory_lock(7211, $1)")
                .bind(read_model_id)
                .fetch_one(&mut self.0),
        )
        .await
    }

    /// Lets another process run it.
    pub async fn release(&mut self, read_model_id: i32) -> Result<(), StoreError> {
        in_time(
            sqlx::query("select pg_advisory_unlock(7211, $1)")
                .bind(read_model_id)
                .execute(&mut self.0),
        )
        .await
        .map(|_| ())
    }

    /// Says that this process is alive, and learns whether its session still is.
    pub async fn beat(&mut self) -> Result<(), StoreError> {
        in_time(self.0.ping()).await
    }

    /// Gives up all leases.
    pub async fn close(self) -> Result<(), StoreError> {
        in_time(self.0.close()).await
    }
}

async fn in_time<T>(work: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
    match tokio::time::timeout(ANSWER, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(StoreError::Unavailable(format!(
            "no answer within {} s",
            ANSWER.as_secs()
        ))),
    }
}
