//! Jobs as they are listed: how far each has come, and when it may be done.

use highwater_model::{Eta, Job, JobKind, JobState, Position};
use jiff_sqlx::Timestamp;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row};

use super::ReadModelError;
use super::jobs::unknown;
use super::versions::stored;
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
}
