//! Maintenance: one order that pauses all read models of the store, on every server, until it is ended.
//!
//! Whoever moves a checkpoint asks `highwater.under_maintenance` first, and by that shares a lock until the end of its transaction. The
//! order takes this lock alone: then each slice has ended, and those that come find its row. So once it is answered no checkpoint moves.
//! Subscriptions and appends go on, and each read model's own state stays what it is: what was paused before is paused afterwards.

use std::time::Duration;

use highwater_model::Maintenance;
use jiff_sqlx::Timestamp;
use serde_json::json;
use sqlx::PgConnection;

use crate::read_models::{Order, ReadModelError, SLICES, actions};
use crate::{Store, StoreError};

/// How long slices have to end by themselves; then the database undoes them.
const PATIENCE: Duration = Duration::from_secs(1);
/// How soon it is looked again whether one goes on.
const AGAIN: Duration = Duration::from_millis(250);
/// Orders (a promotion, the rebuild of a part) are not undone; they are waited for as long.
const BEGIN: &str = "begin; set local lock_timeout = '10s'";

/// Why maintenance was not begun, or not ended; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// It is on already.
    #[error(
        "maintenance is on already, {}; nothing was changed: end it first (DELETE /api/maintenance), or wait for its end",
        since_when(maintenance)
    )]
    IsOn {
        /// The one that is on.
        maintenance: Maintenance,
    },
    /// It is off.
    #[error(
        "maintenance is not on: there is nothing to end, and nothing was changed; a read model that does not run is paused, faulted or stopped by itself"
    )]
    IsOff,
    /// Nobody said why.
    #[error("maintenance is begun with a reason only; say why")]
    NoReason,
    /// An order to a read model takes its time.
    #[error(
        "an order to a read model (a promotion, the rebuild of a part) is not through yet; nothing was changed: try again in a few seconds"
    )]
    Busy,
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MaintenanceError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        if code.as_deref() == Some("55P03") {
            return Self::Busy;
        }
        Self::Store(error.into())
    }
}

/// `since 2026-01-01T14:02:03Z by ada: moving to new disks`.
pub(crate) fn since_when(maintenance: &Maintenance) -> String {
    let since = maintenance.since;
    match maintenance.told() {
        Some(told) => format!("since {since:.0} by {told}"),
        None => format!("since {since:.0}"),
    }
}

/// Who, why, since when.
type Row = (String, String, Timestamp);

fn found((by, reason, since): Row) -> Maintenance {
    Maintenance {
        by: Some(by),
        reason: Some(reason),
        since: since.to_jiff(),
    }
}

impl Store {
    /// The maintenance that is on.
    pub async fn maintenance(&self) -> Result<Option<Maintenance>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        Ok(standing(&mut connection).await?)
    }

    /// Whether maintenance is on, or begins in this moment: then what became of a slice just now is nobody's fault.
    pub async fn under_maintenance(&self) -> Result<bool, StoreError> {
        let mut connection = self.pool().acquire().await?;
        Ok(is_on(&mut connection).await?)
    }

    /// Pauses all read models. A slice that is being handled has a second to end; then it is undone, and handled again afterwards.
    pub async fn begin_maintenance(&self, order: &Order) -> Result<Maintenance, MaintenanceError> {
        let said = order.reason.as_deref();
        let reason = said
            .filter(|reason| !reason.trim().is_empty())
            .ok_or(MaintenanceError::NoReason)?;
        // An order that comes too late holds nobody up.
        if let Some(maintenance) = self.maintenance().await? {
            return Err(MaintenanceError::IsOn { maintenance });
        }
        let mut transaction = self.pool().begin_with(BEGIN).await?;
        self.hold_slices(&mut transaction).await?;
        let begun: Option<Row> = sqlx::query_as(
            "insert into highwater.maintenance (by, reason) values ($1, $2) on conflict do nothing returning by, reason, since",
        )
        .bind(&order.actor)
        .bind(reason)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(begun) = begun else {
            // Somebody else was faster.
            let standing = standing(&mut transaction).await?;
            return Err(standing.map_or(MaintenanceError::Busy, |maintenance| {
                MaintenanceError::IsOn { maintenance }
            }));
        };
        let (before, after) = (json!({"maintenance": "off"}), json!({"maintenance": "on"}));
        actions::record_of_store(&mut transaction, order, "begin_maintenance", before, after)
            .await?;
        transaction.commit().await?;
        tracing::info!(by = order.actor, "maintenance: all read models are paused");
        Ok(found(begun))
    }

    /// Lets run what ran before.
    pub async fn end_maintenance(&self, order: &Order) -> Result<(), MaintenanceError> {
        let mut transaction = self.pool().begin_with(BEGIN).await?;
        let ended: Option<Row> =
            sqlx::query_as("delete from highwater.maintenance returning by, reason, since")
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(ended) = ended else {
            return Err(MaintenanceError::IsOff);
        };
        // What became live shortly before could not be seen to live: its time for that begins now.
        sqlx::query("update highwater.jobs set swapped_at = clock_timestamp() where state = 'running' and swapped_at is not null")
            .execute(&mut *transaction)
            .await?;
        let was = found(ended);
        let before =
            json!({"maintenance": "on", "by": was.by, "reason": was.reason, "since": was.since});
        let after = json!({"maintenance": "off"});
        actions::record_of_store(&mut transaction, order, "end_maintenance", before, after).await?;
        transaction.commit().await?;
        tracing::info!(by = order.actor, "maintenance: ended");
        Ok(())
    }

    /// Waits until no slice is being handled, and lets none begin until the end of the transaction.
    async fn hold_slices(&self, connection: &mut PgConnection) -> Result<(), MaintenanceError> {
        // It waits in its place all the time, or slices would begin between two attempts.
        let locked = sqlx::query("select pg_advisory_xact_lock(7210, 13)").execute(connection);
        tokio::pin!(locked);
        let mut patience = PATIENCE;
        loop {
            tokio::select! {
                locked = &mut locked => {
                    locked?;
                    return Ok(());
                }
                () = tokio::time::sleep(patience) => self.undo_slices().await?,
            }
            patience = AGAIN;
        }
    }

    /// Ends the sessions whose slices go on. One that is cancelled instead might count as a handler that took too long.
    async fn undo_slices(&self) -> Result<(), StoreError> {
        let undone: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(l.pid)) from pg_locks l join pg_stat_activity a using (pid)
             where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
               and l.classid = 7210 and l.objid = 13 and l.objsubid = 2 and l.mode = 'ShareLock' and l.granted and a.application_name = $1",
        )
        .bind(SLICES)
        .fetch_one(self.pool())
        .await?;
        if undone > 0 {
            tracing::info!(undone, "maintenance: slices that take long are undone");
        }
        Ok(())
    }
}

async fn standing(connection: &mut PgConnection) -> sqlx::Result<Option<Maintenance>> {
    let row: Option<Row> = sqlx::query_as("select by, reason, since from highwater.maintenance")
        .fetch_optional(connection)
        .await?;
    Ok(row.map(found))
}

/// Whether it is on, or begins in this moment; if not, it stays off until the end of the transaction. It never waits, so whoever asks may
/// hold whatever they like.
pub(crate) async fn is_on(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("select highwater.under_maintenance()")
        .fetch_one(connection)
        .await
}

/// Refuses an order that moves a checkpoint while it is on.
pub(crate) async fn refuse(connection: &mut PgConnection) -> Result<(), ReadModelError> {
    if !is_on(connection).await? {
        return Ok(());
    }
    Err(match standing(connection).await? {
        Some(maintenance) => ReadModelError::UnderMaintenance { maintenance },
        None => ReadModelError::Refused(
            "maintenance begins or ends in this moment; nothing was changed: try again".to_owned(),
        ),
    })
}
