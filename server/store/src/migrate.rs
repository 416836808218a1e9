//! Bringing the schema up to date.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::StoreError;

/// Each script once, in order; a script that was released is never changed, a new one is added.
const SCRIPTS: [&str; 18] = [
    include_str!("../schema/0001_event_store.sql"),
    include_str!("../schema/0002_read_models.sql"),
    include_str!("../schema/0003_jobs.sql"),
    include_str!("../schema/0004_replay.sql"),
    include_str!("../schema/0005_large_transactions.sql"),
    include_str!("../schema/0006_append_known.sql"),
    include_str!("../schema/0007_flows.sql"),
    include_str!("../schema/0008_state_definitions.sql"),
    include_str!("../schema/0009_saved_views.sql"),
    include_str!("../schema/0010_subscriptions.sql"),
    include_str!("../schema/0011_identity.sql"),
    include_str!("../schema/0012_audit_chain.sql"),
    include_str!("../schema/0013_maintenance.sql"),
    include_str!("../schema/0014_oidc.sql"),
    include_str!("../schema/0015_masking.sql"),
    include_str!("../schema/0016_alerts.sql"),
    include_str!("../schema/0017_approvals.sql"),
    include_str!("../schema/0018_traces.sql"),
];

/// The schema version that this program needs.
pub const SCHEMA_VERSION: i64 = 18;

/// Checks the server, then runs the missing scripts; of several programs that start at once, one does it and the others wait.
pub(crate) async fn migrate(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = options.connect().await?;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await?;
    if version < 140_000 {
        let name: String = sqlx::query_scalar("select current_setting('server_version')")
            .fetch_one(&mut connection)
            .await?;
        return Err(StoreError::OldPostgres(name));
    }
    let mut transaction = connection.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(7210, 3)")
        .execute(&mut *transaction)
        .await?;
    let found = found(&mut transaction).await?;
    if found > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema {
            found,
            known: SCHEMA_VERSION,
        });
    }
    for (version, script) in (1_i64..).zip(SCRIPTS) {
        if version > found {
            sqlx::raw_sql(script).execute(&mut *transaction).await?;
            sqlx::query("insert into highwater.schema_versions (version, program) values ($1, $2)")
                .bind(version)
                .bind(env!("CARGO_PKG_VERSION"))
                .execute(&mut *transaction)
                .await?;
            tracing::info!(version, "schema brought up to date");
        }
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(())
}

/// The schema's version that a database has; zero before the first script.
pub(crate) async fn found(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let exists: bool =
        sqlx::query_scalar("select to_regclass('highwater.schema_versions') is not null")
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        return Ok(0);
    }
    Ok(
        sqlx::query_scalar("select coalesce(max(version), 0) from highwater.schema_versions")
            .fetch_one(connection)
            .await?,
    )
}
