//! Making the function that runs a definition's expression.

use highwater_model::StateDefinition;
use highwater_model::state_definition::STATE_INPUTS;
use sqlx::{AssertSqlSafe, PgConnection};

use super::keep::StateDefinitionId;
use crate::read_models::definer::take_turns;
use crate::read_models::{ReadModelError, owner, set_up};

/// No read model's name begins like this, so no role is both's.
const OWNER: &str = "_states";
/// Bytes of a state at most. An event has up to 1 MB; a state is made of several.
const STATE_BYTES: usize = 4_000_000;
/// Bytes of states that a call answers before it ends early.
const ANSWER_BYTES: usize = 8_000_000;
/// How long a call may take: a single event, as a call ends early before that.
pub(super) const CALL: &str = "5s";
/// After so long a call answers what it has.
const ANSWER_AFTER: &str = "1s";

/// What stands before the expression when it is tried for its names and types.
const EXPLAIN: &str = "explain select coalesce(null::jsonb, (";

/// The role that runs all expressions, quoted; made when it is missing.
pub(super) async fn owner(session: &mut PgConnection) -> Result<String, ReadModelError> {
    let mut transaction = take_turns(session).await?;
    let owner = owner::ensure(&mut transaction, OWNER).await?;
    let role = owner::quoted(&owner);
    let may: bool =
        sqlx::query_scalar("select has_schema_privilege($1, 'highwater_states', 'create')")
            .bind(&owner)
            .fetch_one(&mut *transaction)
            .await?;
    if !may {
        sqlx::raw_sql(AssertSqlSafe(format!(
            "grant usage, create on schema highwater_states to {role}"
        )))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(role)
}

/// How a definition's function is called, with the types that it takes.
pub(super) fn signature(id: StateDefinitionId) -> String {
    format!(
        "highwater_states.fold_{}(jsonb, text, text[], jsonb[], jsonb[], bigint[], timestamptz[])",
        id.0
    )
}

/// Makes the function of a definition, or says where the definition is wrong.
pub(super) async fn make(
    connection: &mut PgConnection,
    definition: &StateDefinition,
    role: &str,
) -> Result<StateDefinitionId, ReadModelError> {
    let id: i64 = sqlx::query_scalar("select nextval('highwater.state_definition_ids')")
        .fetch_one(&mut *connection)
        .await?;
    let id = StateDefinitionId(id);
    check(connection, definition, id, role).await?;
    let signature = signature(id);
    sqlx::raw_sql(AssertSqlSafe(format!(
        "create function highwater_states.fold_{}(state jsonb, stream text, highwater_types text[], highwater_datas jsonb[],
           highwater_metadatas jsonb[], highwater_versions bigint[], highwater_times timestamptz[]) returns setof jsonb
         language plpgsql as {};
         {}
         alter function {signature} set timezone = 'UTC';
         alter function {signature} set statement_timeout = '{CALL}'",
        id.0,
        set_up::quoted_text(&body(&definition.expression.text)),
        set_up::belongs(&signature, role, "pg_catalog"),
    )))
    .execute(&mut *connection)
    .await?;
    Ok(id)
}

/// One state after the other. What fails says at which version it failed.
fn body(expression: &str) -> String {
    format!(
        "#variable_conflict use_column
declare
  type text; data jsonb; metadata jsonb; version bigint; occurred_at timestamptz;
  highwater_next jsonb; highwater_bytes bigint := 0; highwater_until timestamptz := clock_timestamp() + interval '{ANSWER_AFTER}';
begin
  state := coalesce(nullif(state, 'null'), '{{}}');
  for highwater_nth in 1 .. cardinality(highwater_types) loop
    type := highwater_types[highwater_nth]; data := highwater_datas[highwater_nth]; metadata := highwater_metadatas[highwater_nth];
    version := highwater_versions[highwater_nth]; occurred_at := highwater_times[highwater_nth];
    highwater_next := (
{expression}
);
    state := coalesce(highwater_next, state);
    if pg_column_size(state) > {STATE_BYTES} then
      raise program_limit_exceeded using message = 'the state has ' || pg_column_size(state) || ' bytes, more than {STATE_BYTES}';
    end if;
    return next state;
    highwater_bytes := highwater_bytes + pg_column_size(state);
    exit when highwater_bytes > {ANSWER_BYTES} or clock_timestamp() > highwater_until;
  end loop;
exception when others then
  raise exception using errcode = sqlstate, message = sqlerrm, detail = coalesce(version::text, '');
end"
    )
}

/// Looks every name and type up, without running anything.
async fn check(
    connection: &mut PgConnection,
    definition: &StateDefinition,
    id: StateDefinitionId,
    role: &str,
) -> Result<(), ReadModelError> {
    let run = format!("highwater_states.check_{}", id.0);
    sqlx::raw_sql(AssertSqlSafe(format!(
        "create function {run}(statement text) returns void language plpgsql as 'begin execute statement; end'; {}",
        set_up::belongs(&format!("{run}(text)"), role, "pg_catalog")
    )))
    .execute(&mut *connection)
    .await?;
    let inputs = STATE_INPUTS.join(", ");
    let statement = format!(
        "{EXPLAIN}{}\n)) from (values ('{{}}'::jsonb, ''::text, '{{}}'::jsonb, '{{}}'::jsonb, 0::bigint, ''::text, now())) highwater_event({inputs})",
        definition.expression.text
    );
    sqlx::query(AssertSqlSafe(format!("select {run}($1)")))
        .bind(statement)
        .execute(&mut *connection)
        .await
        .map_err(|error| {
            let (text, expression) = (&definition.text, &definition.expression);
            without_our_own(set_up::definition_error(
                text,
                expression,
                EXPLAIN.len(),
                error,
            ))
        })?;
    sqlx::raw_sql(AssertSqlSafe(format!("drop function {run}(text)")))
        .execute(connection)
        .await?;
    Ok(())
}

/// The database's hint names the inputs by the table that we made up for them.
fn without_our_own(error: ReadModelError) -> ReadModelError {
    match error {
        ReadModelError::Definition(mut error) => {
            for hint in &mut error.expected {
                *hint = hint.replace("highwater_event.", "");
            }
            error.into()
        }
        other => other,
    }
}
