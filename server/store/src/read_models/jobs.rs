//! Jobs: listing them, their progress, their speed, their end.

use highwater_model::{Eta, Job, JobKind, JobState, Position};
use jiff_sqlx::Timestamp;
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, Row};

use super::versions::stored;
use super::{Order, ReadModelError, actions};
use crate::{Store, StoreError};

const LISTED: &str = "
    select j.*, m.name, p.checkpoint, (p.state in ('paused', 'faulted') or o.is_on) as stands,
      case when j.state <> 'running' then null when o.is_on then 'it goes on when maintenance ends' else p.reason end as doing, coalesce((j.numbers->>'events')::bigint, p.handled - j.handled_before, 0) as events,
      case when j.state = 'running' and j.kind <> 'promote' and j.swapped_at is null
        then highwater.matching_after(v.event_patterns, p.checkpoint) else 0 end as events_left
    from highwater.jobs j join highwater.read_models m using (read_model_id)
    left join highwater.read_model_versions v using (version_id) left join highwater.read_model_progress p using (version_id)
    cross join (select exists (select from highwater.maintenance) as is_on) o
    where ($1::bigint is null or j.job_id = $1) and ($2::text is null or m.name = $2) and ($3::bigint is null or j.job_id < $3)
      and ($5::text is null or j.kind = $5) and ($6::text is null or j.state = $6)
    order by j.job_id desc limit $4";

/// Jobs that [`Store::current_jobs`] lists although they are over.
const NEWEST: i64 = 20;

/// Which jobs.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    /// Of one read model.
    pub read_model: Option<String>,
    /// Of one kind.
    pub kind: Option<JobKind>,
    /// In one state.
    pub state: Option<JobState>,
    /// Only ids smaller than this.
    pub before: Option<i64>,
    /// How many at most, up to 1,000.
    pub limit: i64,
}

struct Listed(Job);

impl FromRow<'_, PgRow> for Listed {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let decode = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        let time = |name: &str| -> sqlx::Result<Option<jiff::Timestamp>> {
            Ok(row
                .try_get::<Option<Timestamp>, _>(name)?
                .map(Timestamp::to_jiff))
        };
        let (done, left): (i64, i64) = (row.try_get("events")?, row.try_get("events_left")?);
        let (worked, rate): (f64, f64) = (row.try_get("worked")?, row.try_get("rate")?);
        let speed_limit = row.try_get("speed_limit")?;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let overall = if worked > 0.0 {
            done as f64 / worked
        } else {
            0.0
        };
        let state = stored(&JobState::ALL, row.try_get("state")?, JobState::as_str);
        let state = state.map_err(decode)?;
        // Nobody knows how long an operator takes to decide.
        let stands = row.try_get::<Option<bool>, _>("stands")?.unwrap_or(false) && !state.is_over();
        let rate = if stands { 0.0 } else { rate };
        let eta =
            Eta::new(left, overall, rate, speed_limit).filter(|_| !state.is_over() && !stands);
        Ok(Self(Job {
            id: row.try_get("job_id")?,
            kind: stored(&JobKind::ALL, row.try_get("kind")?, JobKind::as_str).map_err(decode)?,
            read_model: row.try_get("name")?,
            version_id: row.try_get("version_id")?,
            actor: row.try_get("actor")?,
            reason: row.try_get("reason")?,
            plan: row.try_get::<Json<Value>, _>("plan")?.0,
            state,
            done,
            total: done + left,
            rate,
            eta,
            speed_limit,
            checkpoint: row.try_get::<Option<i64>, _>("checkpoint")?.map(Position),
            doing: row.try_get("doing")?,
            created_at: row.try_get::<Timestamp, _>("created_at")?.to_jiff(),
            started_at: time("started_at")?,
            ended_at: time("ended_at")?,
            outcome: row.try_get("outcome")?,
            numbers: row.try_get::<Json<Value>, _>("numbers")?.0,
        }))
    }
}

impl Store {
    /// Jobs, the newest first.
    pub async fn find_jobs(&self, query: &JobQuery) -> Result<Vec<Job>, StoreError> {
        let rows: Vec<Listed> = sqlx::query_as(LISTED)
            .bind(None::<i64>)
            .bind(&query.read_model)
            .bind(query.before)
            .bind(query.limit.clamp(1, 1_000))
            .bind(query.kind.map(JobKind::as_str))
            .bind(query.state.map(JobState::as_str))
            .fetch_all(self.pool())
            .await?;
        Ok(rows.into_iter().map(|listed| listed.0).collect())
    }

    /// Jobs that run, and the newest that are over; the newest first.
    pub async fn current_jobs(&self) -> Result<Vec<Job>, StoreError> {
        let newest = JobQuery {
            limit: NEWEST,
            ..JobQuery::default()
        };
        let mut jobs = self.find_jobs(&newest).await?;
        if let Some(oldest) = jobs.last().map(|job| job.id) {
            let running = JobQuery {
                state: Some(JobState::Running),
                before: Some(oldest),
                limit: 1_000,
                ..JobQuery::default()
            };
            jobs.extend(self.find_jobs(&running).await?);
        }
        Ok(jobs)
    }

    /// One job.
    pub async fn job(&self, job_id: i64) -> Result<Job, ReadModelError> {
        let row: Option<Listed> = sqlx::query_as(LISTED)
            .bind(job_id)
            .bind(None::<&str>)
            .bind(None::<i64>)
            .bind(1_i64)
            .bind(None::<&str>)
            .bind(None::<&str>)
            .fetch_optional(self.pool())
            .await?;
        row.map(|listed| listed.0).ok_or_else(|| unknown(job_id))
    }

    /// Sets how many events a second a running job handles at most; none: as many as it can.
    pub async fn set_job_speed(
        &self,
        job_id: i64,
        limit: Option<i32>,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        if limit.is_some_and(|limit| limit < 1) {
            return Err(ReadModelError::Refused(
                "a speed is at least one event a second; to stop the job, cancel it".to_owned(),
            ));
        }
        let mut transaction = self.pool().begin().await?;
        let job = held(&mut transaction, job_id).await?;
        if job.state != "running" || job.kind == "promote" || job.swapped {
            return Err(ReadModelError::Refused(format!(
                "job {job_id} is {}; its speed can't be changed any more",
                job.state
            )));
        }
        let before: Option<i32> = sqlx::query_scalar(
            "update highwater.jobs n set speed_limit = $2 from highwater.jobs o where n.job_id = $1 and o.job_id = $1 returning o.speed_limit",
        )
        .bind(job_id)
        .bind(limit)
        .fetch_one(&mut *transaction)
        .await?;
        actions::record(
            &mut transaction,
            order,
            "speed",
            &job.read_model,
            json!({"job": job_id, "speed_limit": before}),
            json!({"job": job_id, "speed_limit": limit}),
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Writes down how a job goes: seconds since the last time, those of them in which it yielded, events a second lately. Answers its
    /// speed limit; none: the job is over.
    pub async fn note_job(
        &self,
        job_id: i64,
        worked: f64,
        yielded: f64,
        rate: f64,
    ) -> Result<Option<Option<i32>>, StoreError> {
        Ok(sqlx::query_scalar(
            "update highwater.jobs set worked = worked + $2, rate = $3,
               numbers = case when $4 > 0 then numbers || jsonb_build_object('yielded_seconds', coalesce((numbers->>'yielded_seconds')::float8, 0) + $4) else numbers end
             where job_id = $1 and state = 'running' and swapped_at is null returning speed_limit",
        )
        .bind(job_id)
        .bind(worked)
        .bind(rate)
        .bind(yielded)
        .fetch_optional(self.pool())
        .await?)
    }

    /// A rebuild has reached the head: it is done, and its shadow follows the log from now on.
    pub async fn rebuild_is_level(&self, job_id: i64) -> Result<(), ReadModelError> {
        let mut transaction = self.pool().begin().await?;
        let job = held(&mut transaction, job_id).await?;
        if job.state == "running" {
            let (position, events, seconds): (i64, i64, f64) = sqlx::query_as(
                "select p.checkpoint, p.handled, j.worked from highwater.jobs j join highwater.read_model_progress p using (version_id) where j.job_id = $1",
            )
            .bind(job_id)
            .fetch_one(&mut *transaction)
            .await?;
            let outcome =
                format!("the shadow is level with the log at {position} and follows it from here");
            let numbers = json!({"events": events, "seconds": seconds, "position": position});
            end(&mut transaction, job_id, "done", &outcome, numbers).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// A job can't go on.
    pub async fn fail_job(&self, job_id: i64, outcome: &str) -> Result<(), ReadModelError> {
        let mut transaction = self.pool().begin().await?;
        let job = held(&mut transaction, job_id).await?;
        if job.state == "running" {
            end(&mut transaction, job_id, "failed", outcome, json!({})).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

pub(super) fn unknown(job_id: i64) -> ReadModelError {
    ReadModelError::UnknownJob { job_id }
}

/// A job, locked.
#[derive(Debug, FromRow)]
pub(super) struct HeldJob {
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) swapped: bool,
    pub(super) read_model: String,
    pub(super) version_id: Option<i64>,
}

pub(super) async fn held(
    connection: &mut PgConnection,
    job_id: i64,
) -> Result<HeldJob, ReadModelError> {
    let job = sqlx::query_as(
        "select j.kind, j.state, j.swapped_at is not null as swapped, m.name as read_model, j.version_id
         from highwater.jobs j join highwater.read_models m using (read_model_id) where j.job_id = $1 for update of j",
    )
    .bind(job_id)
    .fetch_optional(connection)
    .await?;
    job.ok_or_else(|| unknown(job_id))
}

/// What a job begins with.
pub(super) struct Begin<'a> {
    pub(super) kind: JobKind,
    pub(super) read_model_id: i32,
    pub(super) read_model: &'a str,
    pub(super) version_id: i64,
    /// What its order changes, for the audit log.
    pub(super) before: Value,
    pub(super) after: Value,
    /// As it was shown.
    pub(super) plan: &'a Value,
}

/// A new job that runs from now on. Its order is in the audit log, and each of the two names the other.
pub(super) async fn begin(
    connection: &mut PgConnection,
    order: &Order,
    begin: Begin<'_>,
) -> Result<i64, ReadModelError> {
    let kind = begin.kind.as_str();
    let job_id: i64 = sqlx::query_scalar(
        "insert into highwater.jobs (kind, read_model_id, version_id, actor, reason, plan, state, started_at, handled_before)
         values ($1, $2, $3, $4, $5, $6, 'running', now(), (select handled from highwater.read_model_progress where version_id = $3)) returning job_id",
    )
    .bind(kind)
    .bind(begin.read_model_id)
    .bind(begin.version_id)
    .bind(&order.actor)
    .bind(&order.reason)
    .bind(Json(begin.plan))
    .fetch_one(&mut *connection)
    .await?;
    let mut after = begin.after;
    after["job"] = job_id.into();
    let action_id = actions::begin(
        connection,
        order,
        kind,
        begin.read_model,
        begin.before,
        after,
    )
    .await?;
    sqlx::query("update highwater.jobs set action_id = $2 where job_id = $1")
        .bind(job_id)
        .bind(action_id)
        .execute(connection)
        .await?;
    Ok(job_id)
}

/// Ends a job, and tells it in the audit log behind its order.
pub(super) async fn end(
    connection: &mut PgConnection,
    job_id: i64,
    state: &str,
    outcome: &str,
    numbers: Value,
) -> Result<(), StoreError> {
    sqlx::query(
        "with ended as (
           update highwater.jobs set state = $2, outcome = $3, numbers = numbers || $4, ended_at = clock_timestamp() where job_id = $1 returning *
         )
         insert into highwater.actions (actor, action, read_model, reason, after, outcome, follows)
         select e.actor, e.kind, m.name, e.reason, jsonb_build_object('job', e.job_id) || e.numbers, $2 || ': ' || $3, e.action_id
         from ended e join highwater.read_models m using (read_model_id)",
    )
    .bind(job_id)
    .bind(state)
    .bind(outcome)
    .bind(Json(numbers))
    .execute(connection)
    .await?;
    Ok(())
}
