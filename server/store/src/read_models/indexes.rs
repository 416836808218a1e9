//! Indexes of a shadow: those that the load doesn't need are made after it, all at once, when the shadow is level for the first time.
//! Then the planner gets its statistics.

use std::time::Instant;

use highwater_model::Definition;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::owner::{self, quoted};
use super::rebuild::execute;
use super::set_up::belongs;
use super::{ReadModelError, SliceError};
use crate::{Store, StoreError};

/// What became of the indexes that wait for the end of the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexesMade {
    /// None waits.
    None,
    /// They are there now, and the log has gone on meanwhile.
    Made,
    /// Somebody else runs the version, or it stands.
    Superseded,
    /// The rows don't allow one of them.
    Refused(String),
}

/// Takes away the indexes of a version that its handler has no use for, and keeps how they are made. What a constraint needs stays, and
/// what a statement of the handler looks rows up by, or tells conflicts by.
pub(super) async fn put_off(
    connection: &mut PgConnection,
    definition: &Definition,
    version_id: i64,
    schema: &str,
) -> Result<(), ReadModelError> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, pg_get_indexdef(c.oid) from pg_class c join pg_index i on i.indexrelid = c.oid
         where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('i', 'I') and i.indisvalid and not i.indisreplident and not i.indisclustered
           and not c.relispartition and not exists (select from pg_constraint k where k.conindid = c.oid)
           and obj_description(c.oid, 'pg_class') is null
         order by c.oid",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await?;
    if found.is_empty() {
        return Ok(());
    }
    let used = used(connection, definition, schema).await?;
    let mut later = Vec::new();
    for (name, made) in found {
        if used.contains(&name) {
            continue;
        }
        let gone = format!("drop index {}.{}", quoted(schema), quoted(&name));
        execute(connection, gone).await?;
        later.push(made);
    }
    sqlx::query(
        "update highwater.read_model_versions set indexes_later = $2 where version_id = $1",
    )
    .bind(version_id)
    .bind(&later)
    .execute(connection)
    .await?;
    Ok(())
}

/// Indexes that plans of the handler's statements name, when none of them may read a whole table.
async fn used(
    connection: &mut PgConnection,
    definition: &Definition,
    schema: &str,
) -> Result<Vec<String>, ReadModelError> {
    let owner = owner::name(connection, &definition.name).await?;
    let (role, s) = (quoted(&owner), quoted(schema));
    // As the owner: what a plan tries out must not have other rights than the handler.
    let begin = format!(
        "set local enable_seqscan = off; grant create on schema {s} to {role};
         create function {s}.explained(statement text) returns json language plpgsql as
           'declare found json; begin execute ''explain (format json) '' || statement into found; return found; end';
         {}",
        belongs(&format!("{s}.explained(text)"), &role, &s),
    );
    execute(connection, begin).await?;
    let mut used = Vec::new();
    for statement in &definition.statements {
        let plan: sqlx::types::Json<Value> =
            sqlx::query_scalar(AssertSqlSafe(format!("select {s}.explained($1)")))
                .bind(&statement.text)
                .fetch_one(&mut *connection)
                .await?;
        names(&plan.0, &mut used);
    }
    let end = format!(
        "drop function {s}.explained(text); revoke create on schema {s} from {role}; reset enable_seqscan"
    );
    execute(connection, end).await?;
    Ok(used)
}

fn names(plan: &Value, used: &mut Vec<String>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| names(part, used)),
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value) {
                    ("Index Name", Value::String(name)) => used.push(name.clone()),
                    ("Conflict Arbiter Indexes", Value::Array(indexes)) => {
                        used.extend(indexes.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => names(value, used),
                }
            }
        }
        _ => {}
    }
}

/// What the session that makes them is called, so that whoever cancels the job finds it.
pub(super) fn session_name(job_id: i64) -> String {
    format!("highwater indexes of job {job_id}")
}

/// Stops making them, wherever that happens.
pub(super) async fn stop(connection: &mut PgConnection, job_id: i64) -> Result<(), StoreError> {
    sqlx::query("select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and application_name = $1")
        .bind(session_name(job_id))
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// Makes the indexes that wait for the end of the load. The version's row is locked meanwhile: nobody begins a slice.
    pub async fn make_indexes(
        &self,
        job_id: i64,
        version_id: i64,
        generation: i64,
    ) -> Result<IndexesMade, ReadModelError> {
        let waiting: Option<Vec<String>> = sqlx::query_scalar(
            "select indexes_later from highwater.read_model_versions where version_id = $1 and indexes_later <> '{}'",
        )
        .bind(version_id)
        .fetch_optional(self.pool())
        .await?;
        let Some(waiting) = waiting else {
            return Ok(IndexesMade::None);
        };
        sqlx::query(
            "update highwater.read_model_progress set reason = 'it makes its indexes' where version_id = $1 and generation = $2 and state not in ('paused', 'faulted')",
        )
        .bind(version_id)
        .bind(generation)
        .execute(self.pool())
        .await?;
        let began = Instant::now();
        let mut session = PgConnectOptions::clone(&self.pool().connect_options())
            .application_name(&session_name(job_id))
            // A server that is gone must not go on with them.
            .options([
                ("statement_timeout", "0"),
                ("client_connection_check_interval", "2s"),
            ])
            .connect()
            .await?;
        let mut transaction = session.begin().await?;
        let mine: Option<i64> = sqlx::query_scalar(
            "select version_id from highwater.read_model_progress where version_id = $1 and generation = $2 and state not in ('paused', 'faulted') for update",
        )
        .bind(version_id)
        .bind(generation)
        .fetch_optional(&mut *transaction)
        .await?;
        if mine.is_none() {
            return Ok(IndexesMade::Superseded);
        }
        for statement in &waiting {
            let made = sqlx::raw_sql(AssertSqlSafe(statement.clone()))
                .execute(&mut *transaction)
                .await;
            if let Err(error) = made {
                return refused(statement, error);
            }
        }
        sqlx::query(
            "update highwater.read_model_versions set indexes_later = '{}' where version_id = $1",
        )
        .bind(version_id)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        session.close().await?;
        // Apart from that transaction: whoever cancels holds the job's row and waits for the version's.
        sqlx::query("update highwater.jobs set numbers = numbers || jsonb_build_object('indexes', $2, 'index_seconds', $3) where job_id = $1")
            .bind(job_id)
            .bind(i32::try_from(waiting.len()).unwrap_or(i32::MAX))
            .bind(began.elapsed().as_secs_f64())
            .execute(self.pool())
            .await?;
        Ok(IndexesMade::Made)
    }
}

impl Store {
    /// Has the database look at the tables of a version that was just filled: until its own time comes for that, in minutes, it plans
    /// a diff, a page of rows and the next slices as if they were empty.
    pub async fn analyze_tables(&self, version_id: i64) -> Result<(), StoreError> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select format('%I.%I', v.schema_name, c.relname) from highwater.read_model_versions v
             join pg_class c on c.relnamespace = to_regnamespace(quote_ident(v.schema_name)) and c.relkind in ('r', 'p') and not c.relispartition
             where v.version_id = $1 order by c.oid",
        )
        .bind(version_id)
        .fetch_all(self.pool())
        .await?;
        if !tables.is_empty() {
            sqlx::raw_sql(AssertSqlSafe(format!("analyze {}", tables.join(", "))))
                .execute(self.pool())
                .await?;
        }
        Ok(())
    }
}

fn refused(statement: &str, error: sqlx::Error) -> Result<IndexesMade, ReadModelError> {
    let detail = error
        .as_database_error()
        .and_then(|said| said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>())
        .filter(|said| said.code() != "57014")
        .and_then(|said| said.detail())
        .map(str::to_owned);
    match (SliceError::from_handler(&error), detail) {
        (SliceError::Handler { message, sqlstate }, detail)
            if sqlstate.as_deref() != Some("57014") =>
        {
            let detail = detail.map(|detail| format!(": {detail}"));
            Ok(IndexesMade::Refused(format!(
                "the rows are there, but an index can't be made ({statement}): {message}{}",
                detail.unwrap_or_default()
            )))
        }
        _ => Err(error.into()),
    }
}
