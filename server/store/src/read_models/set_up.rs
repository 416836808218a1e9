//! Making a version's schema.

use highwater_model::read_model_definition::Statement;
use highwater_model::{Definition, DefinitionError, HandlerKind};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::owner::quoted;
use super::views::{event_view, events_view};
use super::{ReadModelError, owner, part_key};
use crate::StoreError;
use crate::error::is_outage;

/// Events of a slice of a version that is live: the view says so to the planner, which would else take a slice for half a percent
/// of the log, and scan whole tables of the read model for three events. Not 1,000, and 50,000 below: such a view is that of a server
/// from before names of streams were looked up; whoever runs the version makes the view anew when its own limit is another one.
pub(super) const LIVE_LIMIT: i32 = 1_001;
/// Events of a slice of a version that catches up.
pub(super) const CATCH_UP_LIMIT: i32 = 50_001;

/// Events of a slice of a rebuild: what it takes is bounded by its time.
pub(super) const REBUILD_LIMIT: i32 = 1_000_000;

/// Makes the schema of a version with all that is in it, as its owner.
pub(super) async fn set_up(
    connection: &mut PgConnection,
    definition: &Definition,
    version_id: i64,
    schema: &str,
) -> Result<(), ReadModelError> {
    let owner = owner::ensure(connection, &definition.name).await?;
    let taken: bool = sqlx::query_scalar("select to_regnamespace(quote_ident($1)) is not null")
        .bind(schema)
        .fetch_one(&mut *connection)
        .await?;
    if taken {
        return Err(ReadModelError::SchemaTaken {
            schema: schema.to_owned(),
        });
    }
    let (role, s) = (quoted(&owner), quoted(schema));
    // A table that never comes to an end, or waits for somebody, is told, not waited for.
    let begin = format!(
        "set local statement_timeout = '15s'; set local lock_timeout = '5s'; create schema {s}; {} {}
         grant usage, create on schema {s} to {role}; grant select on {s}.events, {s}.event to {role};
         create function {s}.run(statement text) returns void language plpgsql as 'begin execute statement; end';
         {}",
        events_view(schema, version_id, LIVE_LIMIT),
        event_view(schema, version_id),
        belongs(&format!("{s}.run(text)"), &role, &s),
    );
    execute(connection, begin).await?;
    for statement in &definition.tables {
        run(connection, definition, &s, "", statement).await?;
    }
    part_key::keyed_tables(connection, definition, schema).await?;
    for statement in &definition.statements {
        // Plans it, so that every name and type in it is looked up; the handler's own plan is made at its first slice.
        run(connection, definition, &s, "explain ", statement).await?;
    }
    let end = format!(
        "drop function {s}.run(text); {} revoke create on schema {s} from {role}",
        handler_function(definition, &role, &s),
    );
    // What SQL allows and PL/pgSQL doesn't: names like loop, which end its statements.
    execute(connection, end)
        .await
        .map_err(|error| match error {
            ReadModelError::Store(StoreError::Database(said)) => not_a_handler(definition, said),
            other => other,
        })?;
    only_tables(connection, definition, &owner).await
}

/// Writes the handler of a version anew: its schema has another name now, and the handler knows it.
pub(super) async fn write_handler(
    connection: &mut PgConnection,
    definition: &Definition,
    schema: &str,
) -> Result<(), ReadModelError> {
    let owner = owner::name(connection, &definition.name).await?;
    let (role, s) = (quoted(&owner), quoted(schema));
    // Only who may create in a schema can be given a function in it.
    let sql = format!(
        "drop function {s}.handle(); grant create on schema {s} to {role}; {} revoke create on schema {s} from {role}",
        handler_function(definition, &role, &s),
    );
    execute(connection, sql).await
}

fn handler_function(definition: &Definition, role: &str, schema: &str) -> String {
    format!(
        "create function {schema}.handle() returns void language plpgsql as {}; {}",
        quoted_text(&handler_body(definition, schema)),
        belongs(&format!("{schema}.handle()"), role, schema),
    )
}

/// What makes a function run as the owner, and nobody else able to call it. Compiling a large plan costs more than a slice.
pub(crate) fn belongs(function: &str, role: &str, schema: &str) -> String {
    format!(
        "alter function {function} security definer set search_path = {schema}, pg_temp set jit = off;
         alter function {function} owner to {role}; revoke execute on function {function} from public;
         grant execute on function {function} to current_user;"
    )
}

fn handler_body(definition: &Definition, schema: &str) -> String {
    let statements = definition.statements.iter().map(|statement| {
        // PL/pgSQL wants to know where rows go; here, nowhere.
        if statement.answers_rows {
            format!(
                "for highwater_row in {}\nloop null; end loop;",
                statement.text
            )
        } else {
            format!("{};", statement.text)
        }
    });
    let statements = statements.collect::<Vec<_>>().join("\n");
    let body = match definition.handler {
        HandlerKind::Slice => statements,
        HandlerKind::Each => format!(
            "for highwater_position in select e.position from {schema}.events e order by e.position loop
             perform pg_catalog.set_config('highwater.event', highwater_position::text, true);
             {statements}
             end loop;"
        ),
    };
    format!(
        "#variable_conflict use_column\ndeclare highwater_row record; highwater_position bigint;\nbegin\n{body}\nend"
    )
}

pub(crate) fn quoted_text(text: &str) -> String {
    let escape = if text.contains('\\') { "E" } else { "" };
    format!(
        "{escape}'{}'",
        text.replace('\\', "\\\\").replace('\'', "''")
    )
}

async fn execute(connection: &mut PgConnection, sql: String) -> Result<(), ReadModelError> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}

/// Runs a statement as the owner; its error points into the definition.
async fn run(
    connection: &mut PgConnection,
    definition: &Definition,
    schema: &str,
    prefix: &str,
    statement: &Statement,
) -> Result<(), ReadModelError> {
    let ran = sqlx::query(AssertSqlSafe(format!("select {schema}.run($1)")))
        .bind(format!("{prefix}{}", statement.text))
        .execute(connection)
        .await;
    ran.map(|_| ())
        .map_err(|error| definition_error(&definition.text, statement, prefix.len(), error))
}

/// What the database says of a statement, behind `prefix` bytes of our own, as an error at its place in the definition.
pub(crate) fn definition_error(
    text: &str,
    statement: &Statement,
    prefix: usize,
    error: sqlx::Error,
) -> ReadModelError {
    let Some(said) = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .filter(|said| !is_outage(said.code()))
    else {
        return error.into();
    };
    let characters = match said.position() {
        Some(PgErrorPosition::Internal { position, .. } | PgErrorPosition::Original(position)) => {
            position.saturating_sub(1 + prefix)
        }
        None => 0,
    };
    let byte = statement
        .text
        .char_indices()
        .nth(characters)
        .map_or(0, |(byte, _)| byte);
    let message = if said.code() == "57014" {
        "the statement took longer than 15 s and was stopped".to_owned()
    } else {
        said.message().to_owned()
    };
    DefinitionError {
        sqlstate: Some(said.code().to_owned()),
        expected: said.hint().map(str::to_owned).into_iter().collect(),
        ..DefinitionError::at(text, statement.at + byte, message)
    }
    .into()
}

fn not_a_handler(definition: &Definition, error: sqlx::Error) -> ReadModelError {
    let Some(said) = error.as_database_error() else {
        return error.into();
    };
    let at = definition
        .statements
        .first()
        .map_or(0, |statement| statement.at);
    DefinitionError {
        sqlstate: said.code().map(std::borrow::Cow::into_owned),
        ..DefinitionError::at(
            &definition.text,
            at,
            format!(
                "the handler's statements don't make a function: {}",
                said.message()
            ),
        )
    }
    .into()
}

/// Refuses what would run in the name of whoever reads it: functions, views, triggers, rules, policies; and what does not survive.
async fn only_tables(
    connection: &mut PgConnection,
    definition: &Definition,
    owner: &str,
) -> Result<(), ReadModelError> {
    let other: Option<String> = sqlx::query_scalar(
        "with own as (
           select n.oid from unnest(array['', '__shadow', '__previous', '__swap', '__check', '__check_one', '__check_random']) e(ending)
           join pg_namespace n on n.nspname = $2 || e.ending
         )
         select found.what from (
           select pg_describe_object(d.classid, d.objid, d.objsubid) as what from pg_shdepend d
           where d.refclassid = 'pg_authid'::regclass and d.refobjid = (select oid from pg_roles where rolname = $1) and d.deptype = 'o'
             and d.dbid = (select oid from pg_database where datname = current_database())
             and not (d.classid = 'pg_class'::regclass and exists (
               select from pg_class c join own on own.oid = c.relnamespace
               where c.oid = d.objid and c.relkind in ('r', 'p', 'i', 'I', 'S', 'c') and c.relpersistence = 'p' and not c.relrowsecurity))
             and not (d.classid = 'pg_type'::regclass and exists (
               select from pg_type t join own on own.oid = t.typnamespace where t.oid = d.objid))
             and not (d.classid = 'pg_proc'::regclass and exists (
               select from pg_proc f join own on own.oid = f.pronamespace where f.oid = d.objid and f.proname = 'handle' and f.pronargs = 0))
           union all
           select 'trigger ' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid join own on own.oid = c.relnamespace
           where not t.tgisinternal
           union all
           select 'rule ' || r.rulename from pg_rewrite r join pg_class c on c.oid = r.ev_class join own on own.oid = c.relnamespace
           where c.relkind <> 'v'
         ) found limit 1",
    )
    .bind(owner)
    .bind(&definition.name)
    .fetch_optional(connection)
    .await?;
    let Some(other) = other else { return Ok(()) };
    let at = definition
        .tables
        .first()
        .map_or(0, |statement| statement.at);
    Err(DefinitionError::at(
        &definition.text,
        at,
        format!("a read model is made of tables, indexes, sequences and types in its own schema; this makes {other}"),
    )
    .into())
}

/// Makes the schema and takes it back: whether the definition's SQL is right.
pub(super) async fn check(
    connection: &mut PgConnection,
    definition: &Definition,
) -> Result<(), ReadModelError> {
    let mut attempt = connection.begin().await?;
    let schema = format!("{}__check", definition.name);
    let checked = set_up(&mut attempt, definition, 0, &schema).await;
    attempt.rollback().await?;
    checked
}
