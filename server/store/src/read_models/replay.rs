//! Replay: the live version goes back to a position and handles again what follows, as its definition allows.
//!
//! The checkpoint moves back under the lock of its row, so no slice is in the middle; a new generation makes the runner begin anew,
//! with the job. It is over when nothing is left up to where the checkpoint had been; then it is looked after like a promotion.

use highwater_model::{Definition, JobKind, ReplayFrom};
use jiff_sqlx::ToSqlx;
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection};

use super::filled_tables::filled_tables;
use super::jobs::Begin;
use super::rebuild::no_job;
use super::{Order, ReadModelError, jobs};
use crate::{Store, maintenance};

/// A live version that may handle events again.
#[derive(Debug, FromRow)]
pub(super) struct Replayable {
    pub(super) read_model_id: i32,
    pub(super) version_id: i64,
    pub(super) definition: String,
    handler: Option<String>,
    schema_name: Option<String>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    checkpoint: i64,
    head: i64,
}

const REPLAYABLE: &str = "select m.read_model_id, v.version_id, v.definition, v.handler, v.schema_name, p.state, p.reason, p.checkpoint,
     coalesce((select e.position from highwater.events e order by e.position desc limit 1), 0) as head
   from highwater.read_models m join highwater.read_model_versions v on v.read_model_id = m.read_model_id and v.role = 'live'
   join highwater.read_model_progress p using (version_id) where m.name = $1";

/// The live version and its definition, if that says that events can be handled again.
pub(super) async fn replayable(
    connection: &mut PgConnection,
    name: &str,
    lock: bool,
) -> Result<(Replayable, Definition), ReadModelError> {
    let sql = if lock {
        format!("{REPLAYABLE} for update of m, p")
    } else {
        REPLAYABLE.to_owned()
    };
    let found: Option<Replayable> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let found = found.ok_or_else(|| ReadModelError::Unknown {
        name: name.to_owned(),
    })?;
    if found.handler.is_none() {
        return Err(ReadModelError::Refused(format!(
            "{name} is a projection in code, which can't say that handling an event twice changes nothing; only a definition can"
        )));
    }
    let definition = Definition::parse(name, &found.definition)?;
    if !definition.replay_safe {
        return Err(ReadModelError::Refused(format!(
            "the definition of {name} does not say that handling an event twice changes nothing (-- highwater: replay-safe), so its rows might be counted twice; rebuild it instead, which handles each event once, beside the live one"
        )));
    }
    if found.schema_name.is_none() {
        return Err(ReadModelError::Refused(format!(
            "{name} has no tables yet; nothing was handled that could be handled again"
        )));
    }
    Ok((found, definition))
}

impl Replayable {
    /// Refuses to begin anywhere but at an event that was handled.
    pub(super) fn must_have_handled(
        &self,
        name: &str,
        first: i64,
        from: ReplayFrom,
    ) -> Result<(), ReadModelError> {
        let (head, checkpoint) = (self.head, self.checkpoint);
        let why = match from {
            ReplayFrom::Time(time) if first > head => {
                format!("no event was recorded at {time} or later")
            }
            _ if first < 1 => "positions begin at 1".to_owned(),
            _ if first > head => format!("position {first} is beyond the head, {head}"),
            _ if first > checkpoint => format!(
                "{name} has handled events up to {checkpoint} only, so none from {first} on could be handled again"
            ),
            _ => return Ok(()),
        };
        Err(ReadModelError::Refused(format!(
            "{why}; nothing was changed"
        )))
    }

    fn must_run(&self, name: &str) -> Result<(), ReadModelError> {
        if !matches!(self.state.as_str(), "paused" | "faulted") {
            return Ok(());
        }
        let reason = self.reason.as_deref().map(|reason| format!(", {reason}"));
        let first = if self.state == "paused" {
            "resume it first"
        } else {
            "let it get past that first"
        };
        Err(ReadModelError::Refused(format!(
            "{name} is {}{}; {first}; nothing was changed",
            self.state,
            reason.unwrap_or_default()
        )))
    }
}

impl Store {
    /// The first position that a replay handles.
    pub(super) async fn replay_begins(&self, from: ReplayFrom) -> Result<i64, ReadModelError> {
        Ok(match from {
            ReplayFrom::Position(position) => position.0,
            ReplayFrom::Time(time) => {
                sqlx::query_scalar("select highwater.first_position_at($1)")
                    .bind(time.to_sqlx())
                    .fetch_one(self.pool())
                    .await?
            }
        })
    }

    /// Lets the live version handle events again, from this one on. Answers the job.
    pub async fn replay(
        &self,
        name: &str,
        from: ReplayFrom,
        order: &Order,
        plan: &Value,
    ) -> Result<i64, ReadModelError> {
        let first = self.replay_begins(from).await?;
        // Waits for the slice that is being handled.
        let mut transaction = self
            .pool()
            .begin_with("begin; set local lock_timeout = '10s'")
            .await?;
        maintenance::refuse(&mut transaction).await?;
        let (live, _) = replayable(&mut transaction, name, true).await?;
        no_job(&mut transaction, live.read_model_id, name).await?;
        live.must_run(name)?;
        live.must_have_handled(name, first, from)?;
        let generation: i64 = sqlx::query_scalar(
            "update highwater.read_model_progress p
             set checkpoint = $2, sliced_after = $2, generation = p.generation + 1, state = 'catching_up', reason = $3, since = now(),
               checkpoint_event_id = (select e.event_id from highwater.events e where e.position = $2)
             where p.version_id = $1 returning p.generation",
        )
        .bind(live.version_id)
        .bind(first - 1)
        .bind(format!("replays from {first}"))
        .fetch_one(&mut *transaction)
        .await?;
        let facts = |checkpoint: i64, generation: i64| json!({"version": live.version_id, "role": "live", "checkpoint": checkpoint, "generation": generation});
        let before = facts(live.checkpoint, generation - 1);
        let after = facts(first - 1, generation);
        let begin = Begin {
            kind: JobKind::Replay,
            read_model_id: live.read_model_id,
            read_model: name,
            version_id: live.version_id,
            before,
            after,
            plan,
        };
        let job_id = jobs::begin(&mut transaction, order, begin).await?;
        let tables = filled_tables(&mut transaction, name).await?;
        sqlx::query("update highwater.jobs set replay_from = $2, stood_at = $3, stood_tables = $4 where job_id = $1")
            .bind(job_id)
            .bind(first)
            .bind(live.checkpoint)
            .bind(&tables)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(job_id)
    }

    /// A replay that has handled everything up to where the checkpoint had been is looked after from now on. True: it is.
    pub async fn finish_replay(&self, job_id: i64) -> Result<bool, ReadModelError> {
        let level: Option<i64> = sqlx::query_scalar(
            "update highwater.jobs j set swapped_at = clock_timestamp(), swapped_position = j.stood_at, swapped_tables = j.stood_tables,
               numbers = j.numbers || jsonb_build_object('events', p.handled - j.handled_before, 'seconds', j.worked, 'position', j.stood_at)
             from highwater.read_model_progress p join highwater.read_model_versions v using (version_id)
             where j.job_id = $1 and j.state = 'running' and j.swapped_at is null and p.version_id = j.version_id
               and (p.checkpoint >= j.stood_at
                 or (select coalesce(n.first, n.upto + 1) > j.stood_at from highwater.next_slice(highwater.types_like(v.event_patterns), p.checkpoint, 1, 1000) n))
             returning j.job_id",
        )
        .bind(job_id)
        .fetch_optional(self.pool())
        .await?;
        Ok(level.is_some())
    }
}

/// Ends a replay where it got to: the checkpoint returns to where it had been. Nothing is skipped, everything up to there was handled
/// before; what was handled twice has changed nothing, as the definition says. Answers the sentence, and events.
pub(super) async fn give_up(
    connection: &mut PgConnection,
    job_id: i64,
    version_id: i64,
) -> Result<(String, i64), ReadModelError> {
    let (got, handled): (i64, i64) = sqlx::query_as(
        "select checkpoint, handled from highwater.read_model_progress where version_id = $1 for update",
    )
    .bind(version_id)
    .fetch_one(&mut *connection)
    .await?;
    let (first, stood, before): (i64, i64, i64) = sqlx::query_as(
        "select replay_from, stood_at, handled_before from highwater.jobs where job_id = $1",
    )
    .bind(job_id)
    .fetch_one(&mut *connection)
    .await?;
    let stands = got.max(stood);
    sqlx::query(
        "update highwater.read_model_progress p
         set checkpoint = $2, sliced_after = $2, generation = p.generation + 1,
           checkpoint_event_id = (select e.event_id from highwater.events e where e.position = $2),
           state = case p.state when 'paused' then 'paused' else 'starting' end, reason = case p.state when 'paused' then p.reason end, since = now()
         where p.version_id = $1",
    )
    .bind(version_id)
    .bind(stands)
    .execute(&mut *connection)
    .await?;
    // It had got past them before.
    sqlx::query(
        "update highwater.read_model_failures set outcome = 'handled' where version_id = $1 and outcome = 'open' and position <= $2",
    )
    .bind(version_id)
    .bind(stands)
    .execute(connection)
    .await?;
    let told = if got < first {
        format!("no event was handled again, and it stands at {stands} as before")
    } else {
        format!(
            "events from {first} up to {got} were handled a second time, those behind not, and it stands at {stands}"
        )
    };
    Ok((told, handled - before))
}
