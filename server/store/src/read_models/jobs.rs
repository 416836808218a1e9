//! Jobs: their beginning, their progress, their speed, their end.

use highwater_model::JobKind;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};

use super::{Order, ReadModelError, actions};
use crate::{Store, StoreError};

impl Store {
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
