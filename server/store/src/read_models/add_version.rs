//! Adding a version: what is stored of its definition, and where its progress begins.

use highwater_model::{Definition, HandlerKind};
use sqlx::PgConnection;

use super::ReadModelError;
use super::patterns::like;

/// What is stored of a definition, or of a projection in code.
pub(super) struct Text<'a> {
    pub(super) definition: &'a str,
    pub(super) describe: Option<&'a str>,
    pub(super) events: Vec<String>,
    pub(super) patterns: Vec<String>,
    pub(super) handler: Option<&'static str>,
    pub(super) policy: &'static str,
}

impl<'a> Text<'a> {
    pub(super) fn of(definition: &'a Definition) -> Self {
        Self {
            definition: &definition.text,
            describe: definition.describe.as_deref(),
            events: definition.event_names(),
            patterns: definition.events.iter().map(like).collect(),
            handler: Some(match definition.handler {
                HandlerKind::Slice => "slice",
                HandlerKind::Each => "each",
            }),
            policy: definition.policy.as_str(),
        }
    }
}

pub(super) async fn remove(
    connection: &mut PgConnection,
    read_model_id: i32,
    role: &str,
) -> Result<bool, ReadModelError> {
    let removed = sqlx::query(
        "delete from highwater.read_model_versions where read_model_id = $1 and role = $2",
    )
    .bind(read_model_id)
    .bind(role)
    .execute(connection)
    .await?;
    Ok(removed.rows_affected() > 0)
}

pub(super) async fn add(
    connection: &mut PgConnection,
    read_model_id: i32,
    role: &str,
    text: &Text<'_>,
) -> Result<i64, ReadModelError> {
    let version_id: i64 = sqlx::query_scalar(
        "insert into highwater.read_model_versions (read_model_id, number, role, definition, describe, event_types, event_patterns, handler, policy)
         values ($1, (select coalesce(max(number), 0) + 1 from highwater.read_model_versions where read_model_id = $1), $2, $3, $4, $5, $6, $7, $8)
         returning version_id",
    )
    .bind(read_model_id)
    .bind(role)
    .bind(text.definition)
    .bind(text.describe)
    .bind(&text.events)
    .bind(&text.patterns)
    .bind(text.handler)
    .bind(text.policy)
    .fetch_one(&mut *connection)
    .await?;
    let (state, reason) = match (role, text.handler) {
        ("waiting", _) => ("stopped", Some("it waits for its rebuild")),
        _ => ("starting", None),
    };
    sqlx::query(
        "insert into highwater.read_model_progress (version_id, state, reason) values ($1, $2, $3)",
    )
    .bind(version_id)
    .bind(state)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(version_id)
}

/// Adds a version that is built beside the live one.
pub(super) async fn add_shadow(
    connection: &mut PgConnection,
    read_model_id: i32,
    definition: &Definition,
) -> Result<i64, ReadModelError> {
    add(connection, read_model_id, "shadow", &Text::of(definition)).await
}

/// Adds a version that waits for its rebuild.
pub(super) async fn add_waiting(
    connection: &mut PgConnection,
    read_model_id: i32,
    definition: &Definition,
) -> Result<i64, ReadModelError> {
    add(connection, read_model_id, "waiting", &Text::of(definition)).await
}
