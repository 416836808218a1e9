//! Events that a projection could not handle.

use highwater_model::{
    Failure, FailureOutcome, Position, ReadModelState, ReadModelVersion, VersionRole,
};
use jiff_sqlx::Timestamp;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::versions::stored;
use super::{ReadModelError, jobs, progress};
use crate::{Store, StoreError, maintenance};

/// What the handler said about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerFault {
    /// Its words.
    pub error: String,
    /// SQLSTATE.
    pub sqlstate: Option<String>,
}

type Row = (
    i64,
    i64,
    Uuid,
    String,
    Option<String>,
    i32,
    Timestamp,
    Timestamp,
    String,
);
const COLUMNS: &str = "f.version_id, f.position, f.event_id, f.error, f.sqlstate, f.attempts, f.first_at, f.last_at, f.outcome";

fn failure(row: Row) -> Result<Failure, StoreError> {
    let (version_id, position, event_id, error, sqlstate, attempts, first_at, last_at, outcome) =
        row;
    Ok(Failure {
        version_id,
        position: Position(position),
        event_id,
        error,
        sqlstate,
        attempts,
        first_at: first_at.to_jiff(),
        last_at: last_at.to_jiff(),
        outcome: stored(&FailureOutcome::ALL, &outcome, FailureOutcome::as_str)?,
    })
}

impl Store {
    /// Failures of one version of a read model, the newest event first, before a position.
    pub async fn failures(
        &self,
        name: &str,
        role: VersionRole,
        before: Option<Position>,
        limit: i64,
    ) -> Result<Vec<Failure>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from highwater.read_model_failures f
             join highwater.read_model_versions v using (version_id) join highwater.read_models m using (read_model_id)
             where m.name = $1 and v.role = $4 and ($2::bigint is null or f.position < $2) order by f.position desc limit $3"
        );
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .bind(before.map(|position| position.0))
            .bind(limit.clamp(1, 1_000))
            .bind(role.as_str())
            .fetch_all(self.pool())
            .await?;
        rows.into_iter().map(failure).collect()
    }

    /// The event that a version can't get past.
    pub(super) async fn stands_on(
        &self,
        version: &ReadModelVersion,
    ) -> Result<Option<Failure>, StoreError> {
        if version.failures == 0 {
            return Ok(None);
        }
        let sql = format!(
            "select {COLUMNS} from highwater.read_model_failures f where f.version_id = $1 and f.outcome = 'open' order by f.position limit 1"
        );
        let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(version.id)
            .fetch_optional(self.pool())
            .await?;
        row.map(failure).transpose()
    }

    /// Keeps a failed attempt; answers how many there were. None: somebody else runs the version.
    pub async fn note_failure(
        &self,
        version_id: i64,
        generation: i64,
        position: Position,
        fault: &HandlerFault,
    ) -> Result<Option<i32>, StoreError> {
        Ok(sqlx::query_scalar(
            "insert into highwater.read_model_failures as f (version_id, position, event_id, error, sqlstate, attempts, first_at, last_at, outcome)
             select p.version_id, e.position, e.event_id, $4, $5, 1, clock_timestamp(), clock_timestamp(), 'open'
             from highwater.read_model_progress p, highwater.events e where p.version_id = $1 and p.generation = $2 and e.position = $3
             on conflict (version_id, position) do update
             set error = excluded.error, sqlstate = excluded.sqlstate, attempts = f.attempts + 1, last_at = excluded.last_at, outcome = 'open'
             returning attempts",
        )
        .bind(version_id)
        .bind(generation)
        .bind(position.0)
        .bind(&fault.error)
        .bind(&fault.sqlstate)
        .fetch_optional(self.pool())
        .await?)
    }

    /// The engine can't go on with a version by itself.
    pub async fn fault(
        &self,
        version_id: i64,
        generation: i64,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.set_runner_state(
            version_id,
            generation,
            ReadModelState::Faulted,
            Some(reason),
        )
        .await?;
        Ok(())
    }

    /// The same for a version that a job works on: the job has failed. In one transaction, so that a server that is killed leaves no job
    /// that nobody ends, and no version without its fault.
    pub async fn fault_with_job(
        &self,
        version_id: i64,
        generation: i64,
        reason: &str,
        job_id: i64,
        outcome: &str,
    ) -> Result<(), ReadModelError> {
        let mut transaction = self.pool().begin().await?;
        let mine: Option<i64> = sqlx::query_scalar(
            "select version_id from highwater.read_model_progress where version_id = $1 and generation = $2",
        )
        .bind(version_id)
        .bind(generation)
        .fetch_optional(&mut *transaction)
        .await?;
        // Somebody else runs it, and its job.
        if mine.is_none() {
            return Ok(());
        }
        let job = jobs::held(&mut transaction, job_id).await?;
        if job.state == "running" {
            jobs::end(&mut transaction, job_id, "failed", outcome, json!({})).await?;
        }
        progress::set(
            &mut transaction,
            version_id,
            generation,
            ReadModelState::Faulted,
            Some(reason),
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Leaves out the event that failed, because the definition says so; while maintenance is on it is tried again afterwards. False:
    /// somebody else runs the version.
    pub async fn skip_failed(
        &self,
        version_id: i64,
        generation: i64,
        position: Position,
    ) -> Result<bool, ReadModelError> {
        let mut transaction = self.pool().begin().await?;
        let mine: Option<i64> = sqlx::query_scalar(
            "select version_id from highwater.read_model_progress where version_id = $1 and generation = $2 for update",
        )
        .bind(version_id)
        .bind(generation)
        .fetch_optional(&mut *transaction)
        .await?;
        let skipped = mine.is_some()
            && (maintenance::is_on(&mut transaction).await?
                || pass(&mut transaction, version_id, position).await?);
        transaction.commit().await?;
        Ok(skipped)
    }
}

impl Store {
    /// Whether the live version has left an event out: it, or the one beside this one.
    pub async fn live_skipped(
        &self,
        version_id: i64,
        position: Position,
    ) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "select exists (
               select from highwater.read_model_versions v join highwater.read_model_versions l on l.read_model_id = v.read_model_id and l.role = 'live'
               join highwater.read_model_failures f on f.version_id = l.version_id
               where v.version_id = $1 and f.position = $2 and f.outcome = 'skipped')",
        )
        .bind(version_id)
        .bind(position.0)
        .fetch_one(self.pool())
        .await?)
    }
}

/// Moves a checkpoint over the next event, which must be this one.
pub(super) async fn pass(
    connection: &mut PgConnection,
    version_id: i64,
    position: Position,
) -> Result<bool, StoreError> {
    let moved = sqlx::query(
        "update highwater.read_model_progress p
         set sliced_after = p.checkpoint, checkpoint = e.position, checkpoint_event_id = e.event_id, moved_at = clock_timestamp()
         from highwater.events e, highwater.read_model_versions v
         where p.version_id = $1 and v.version_id = $1 and e.position = $2
           and (select n.first from highwater.next_slice(highwater.types_like(v.event_patterns), p.checkpoint, 1, 1) n) = $2",
    )
    .bind(version_id)
    .bind(position.0)
    .execute(&mut *connection)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "update highwater.read_model_failures set outcome = 'skipped' where version_id = $1 and position = $2",
    )
    .bind(version_id)
    .bind(position.0)
    .execute(connection)
    .await?;
    Ok(true)
}
