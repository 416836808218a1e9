//! A rebuild: a shadow beside the live version, and how it goes away again.

use highwater_model::{Definition, JobKind};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::add_version::{add_shadow, add_waiting};
use super::definer::take_turns;
use super::jobs::Begin;
use super::owner::{self, quoted};
use super::{Order, ReadModelError, actions, indexes, jobs, replay, set_up};
use crate::{Store, maintenance};

/// How long an order waits for a slice that is being handled.
const FOR_A_SLICE: &str = "set local lock_timeout = '35s'";

/// Read model, live version, its definition, handler and schema.
type Live = (i32, i64, String, Option<String>, Option<String>);

impl Store {
    /// Begins to rebuild a read model in a shadow beside the live one: the definition that waits, or else the live one again. Answers the job.
    pub async fn rebuild(
        &self,
        name: &str,
        order: &Order,
        plan: &Value,
    ) -> Result<i64, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        maintenance::refuse(&mut transaction).await?;
        let live: Option<Live> = sqlx::query_as(
            "select m.read_model_id, v.version_id, v.definition, v.handler, v.schema_name from highwater.read_models m
             join highwater.read_model_versions v using (read_model_id) where m.name = $1 and v.role = 'live' for update of m",
        )
        .bind(name)
        .fetch_optional(&mut *transaction)
        .await?;
        let (read_model_id, live_id, live_text, handler, live_schema) =
            live.ok_or_else(|| ReadModelError::Unknown {
                name: name.to_owned(),
            })?;
        let (Some(_), Some(live_schema)) = (handler, live_schema) else {
            return Err(ReadModelError::Refused(format!(
                "{name} has no SQL definition with tables; only such a read model is rebuilt here"
            )));
        };
        is_free(&mut transaction, read_model_id, name).await?;
        let waiting: Option<(i64, String)> = sqlx::query_as(
            "select version_id, definition from highwater.read_model_versions where read_model_id = $1 and role = 'waiting'",
        )
        .bind(read_model_id)
        .fetch_optional(&mut *transaction)
        .await?;
        let planned = plan.get("version_id").and_then(Value::as_i64);
        let built = waiting.as_ref().map_or(live_id, |(waiting, _)| *waiting);
        if planned.is_some_and(|planned| planned != built) {
            return Err(ReadModelError::PlanStale {
                name: name.to_owned(),
            });
        }
        let text = waiting
            .as_ref()
            .map_or(&live_text, |(_, definition)| definition);
        let definition = Definition::parse(name, text)?;
        let version_id = match &waiting {
            Some((version_id, _)) => {
                become_shadow(&mut transaction, *version_id).await?;
                *version_id
            }
            None => add_shadow(&mut transaction, read_model_id, &definition).await?,
        };
        let schema = format!("{name}__shadow");
        // Both versions have the same owner: a statement that names the live schema would write into it. Without a right to
        // that schema it fails here; nobody else sees the right go and come.
        let owner = owner::ensure(&mut transaction, name).await?;
        let (role, live) = (quoted(&owner), quoted(&live_schema));
        execute(
            &mut transaction,
            format!("revoke usage on schema {live} from {role}"),
        )
        .await?;
        set_up::set_up(&mut transaction, &definition, version_id, &schema).await?;
        indexes::put_off(&mut transaction, &definition, version_id, &schema).await?;
        execute(
            &mut transaction,
            format!("grant usage on schema {live} to {role}"),
        )
        .await?;
        sqlx::query(
            "update highwater.read_model_versions set schema_name = $2 where version_id = $1",
        )
        .bind(version_id)
        .bind(&schema)
        .execute(&mut *transaction)
        .await?;
        let after = json!({"live_version": live_id, "shadow_version": version_id, "changed_definition": waiting.is_some()});
        let begin = Begin {
            kind: JobKind::Rebuild,
            read_model_id,
            read_model: name,
            version_id,
            before: json!({"live_version": live_id}),
            after,
            plan,
        };
        let job_id = jobs::begin(&mut transaction, order, begin).await?;
        transaction.commit().await?;
        Ok(job_id)
    }

    /// Stops a job; of a rebuild nothing is left, and its definition waits again if it had waited. After a replay the live version stands
    /// where it had stood.
    pub async fn cancel_job(&self, job_id: i64, order: &Order) -> Result<(), ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        execute(&mut transaction, FOR_A_SLICE.to_owned()).await?;
        let job = jobs::held(&mut transaction, job_id).await?;
        if job.state != "running" || job.kind == "promote" || job.swapped {
            return Err(ReadModelError::Refused(format!(
                "job {job_id} ({}) can't be cancelled any more; it is {}",
                job.kind, job.state
            )));
        }
        indexes::stop(&mut transaction, job_id).await?;
        let (mut left, mut events) = ("the live one was not touched".to_owned(), 0);
        match (job.version_id, job.kind.as_str()) {
            (Some(version_id), "rebuild") => drop_version(&mut transaction, version_id).await?,
            (Some(version_id), "replay") => {
                // Its checkpoint would move.
                maintenance::refuse(&mut transaction).await?;
                (left, events) = replay::give_up(&mut transaction, job_id, version_id).await?;
            }
            (Some(version_id), _) => {
                let why = "going back to it was cancelled";
                set_aside(&mut transaction, version_id, why).await?;
            }
            (None, _) => {}
        }
        let outcome = format!("cancelled by {}; {left}", order.actor);
        let numbers = json!({"events": events});
        jobs::end(&mut transaction, job_id, "cancelled", &outcome, numbers).await?;
        let after = json!({"job": job_id, "state": "cancelled"});
        actions::record(
            &mut transaction,
            order,
            "cancel",
            &job.read_model,
            json!({"job": job_id, "state": job.state}),
            after,
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Refuses a second job, and a second shadow.
async fn is_free(
    connection: &mut PgConnection,
    read_model_id: i32,
    name: &str,
) -> Result<(), ReadModelError> {
    no_job(connection, read_model_id, name).await?;
    let shadow: Option<i64> = sqlx::query_scalar(
        "select version_id from highwater.read_model_versions where read_model_id = $1 and role = 'shadow'",
    )
    .bind(read_model_id)
    .fetch_optional(connection)
    .await?;
    match shadow {
        Some(_) => Err(ReadModelError::Refused(format!(
            "{name} has a shadow already; promote it or discard it first"
        ))),
        None => Ok(()),
    }
}

/// Refuses while a job runs.
pub(super) async fn no_job(
    connection: &mut PgConnection,
    read_model_id: i32,
    name: &str,
) -> Result<(), ReadModelError> {
    let running: Option<(i64, String, String)> = sqlx::query_as(
        "select job_id, kind, actor from highwater.jobs where read_model_id = $1 and state in ('planned', 'running')",
    )
    .bind(read_model_id)
    .fetch_optional(connection)
    .await?;
    match running {
        Some((job_id, kind, actor)) => Err(ReadModelError::Refused(format!(
            "a job runs for {name} already: {} of {actor}, job {job_id}; wait for its end or cancel it",
            kind.replace('_', " ")
        ))),
        None => Ok(()),
    }
}

async fn become_shadow(
    connection: &mut PgConnection,
    version_id: i64,
) -> Result<(), ReadModelError> {
    sqlx::query("update highwater.read_model_versions set role = 'shadow' where version_id = $1")
        .bind(version_id)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "update highwater.read_model_progress set state = 'starting', reason = null, since = now() where version_id = $1",
    )
    .bind(version_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Nobody runs a version any more; its tables stay.
pub(super) async fn set_aside(
    connection: &mut PgConnection,
    version_id: i64,
    reason: &str,
) -> Result<(), ReadModelError> {
    sqlx::query(
        "update highwater.read_model_progress set generation = generation + 1, state = 'stopped', reason = $2, since = now() where version_id = $1",
    )
    .bind(version_id)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops a version that is not live with all that belongs to it. A definition of a shadow that is not the live one waits again,
/// unless another waits already.
pub(super) async fn drop_version(
    connection: &mut PgConnection,
    version_id: i64,
) -> Result<(), ReadModelError> {
    // Waits for its slice, and lets no other begin.
    set_aside(&mut *connection, version_id, "it is discarded").await?;
    let (read_model_id, name, role, text, schema): (i32, String, String, String, Option<String>) = sqlx::query_as(
        "select m.read_model_id, m.name, v.role, v.definition, v.schema_name from highwater.read_model_versions v join highwater.read_models m using (read_model_id)
         where v.version_id = $1 and v.role <> 'live'",
    )
    .bind(version_id)
    .fetch_one(&mut *connection)
    .await?;
    if let Some(schema) = schema {
        execute(
            &mut *connection,
            format!("drop schema {} cascade", quoted(&schema)),
        )
        .await?;
    }
    sqlx::query("delete from highwater.read_model_versions where version_id = $1")
        .bind(version_id)
        .execute(&mut *connection)
        .await?;
    let new: bool = sqlx::query_scalar(
        "select not exists (select from highwater.read_model_versions where read_model_id = $1 and (role = 'waiting' or role = 'live' and definition = $2))",
    )
    .bind(read_model_id)
    .bind(&text)
    .fetch_one(&mut *connection)
    .await?;
    if role == "shadow" && new {
        let definition = Definition::parse(&name, &text)?;
        add_waiting(connection, read_model_id, &definition).await?;
    }
    Ok(())
}

pub(super) async fn execute(
    connection: &mut PgConnection,
    sql: String,
) -> Result<(), ReadModelError> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
