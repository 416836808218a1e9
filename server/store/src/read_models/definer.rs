//! Sessions of their own, outside of the pool, and the lock by which those that define take turns.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, Postgres, Transaction};

use super::ReadModelError;
use crate::Store;

impl Store {
    /// A session for one definition. Its SQL may leave settings and locks behind, which end with the session.
    pub(crate) async fn definer(&self) -> Result<PgConnection, ReadModelError> {
        Ok(self.session("highwater definition").connect().await?)
    }

    /// How to connect for a session of its own, outside of the pool.
    pub(crate) fn session(&self, application: &str) -> PgConnectOptions {
        PgConnectOptions::clone(&self.pool().connect_options())
            .application_name(application)
            // What it locks, others wait for: a server that is gone must not hold it until a long statement ends.
            .options([
                ("client_connection_check_interval", "2s"),
                ("tcp_keepalives_idle", "3"),
                ("tcp_keepalives_interval", "1"),
                ("tcp_keepalives_count", "3"),
            ])
    }
}

/// Two servers that watch the same folder take turns.
pub(crate) async fn take_turns(
    session: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, ReadModelError> {
    let mut transaction = session.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(7210, 4)")
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}
