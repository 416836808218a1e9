//! Comparing a shadow with the live version, without holding the live one up.
//!
//! Both are read in one snapshot, which shows each version's rows and its checkpoint as they belong together. There the shadow is
//! brought to the live one's checkpoint; that is rolled back with the rest. Only the shadow's runner waits meanwhile.

use std::time::{Duration, Instant};

use highwater_model::{
    Definition, DiffKind, DiffPage, DiffRow, Position, ReadModelDiff, ReadModelState,
};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::diff_tables::Tables;
use super::{ReadModelError, level};
use crate::Store;

/// Attempts to find a moment between two slices of the shadow at which the live one is not behind it.
const ATTEMPTS: u32 = 200;

/// Both versions in one snapshot.
struct Snapshot {
    /// In a transaction that ends with it; nothing of it is kept.
    session: PgConnection,
    live_version: i64,
    live_position: i64,
    shadow_version: i64,
    shadow_position: i64,
    tables: Vec<Tables>,
}

/// Live version, its checkpoint, state and schema; the shadow's, without the state, and its definition.
type Versions = (i64, i64, String, String, i64, i64, String, String);

impl Store {
    /// Compares the shadow of a read model with the live version at the same position, table by table.
    pub async fn diff(&self, name: &str) -> Result<ReadModelDiff, ReadModelError> {
        let began = Instant::now();
        let mut snapshot = snapshot(self.definer().await?, name).await?;
        let mut tables = Vec::new();
        for table in &snapshot.tables {
            tables.push(table.compare(&mut snapshot.session).await?);
        }
        let diff = ReadModelDiff {
            live_version: snapshot.live_version,
            shadow_version: snapshot.shadow_version,
            live_position: Position(snapshot.live_position),
            shadow_position: Position(snapshot.shadow_position),
            identical: tables.iter().all(highwater_model::TableDiff::is_identical),
            tables,
            seconds: began.elapsed().as_secs_f64(),
        };
        snapshot.session.close().await?;
        sqlx::query(
            "update highwater.read_model_versions set diffed_at = now() where version_id = $1",
        )
        .bind(diff.shadow_version)
        .execute(self.pool())
        .await?;
        Ok(diff)
    }

    /// Rows of one table that differ in one way, in the order of its key, behind a cursor (500 at most).
    pub async fn diff_rows(
        &self,
        name: &str,
        table: &str,
        kind: DiffKind,
        cursor: Option<&str>,
        limit: i64,
    ) -> Result<DiffPage, ReadModelError> {
        let mut snapshot = snapshot(self.definer().await?, name).await?;
        let Some(tables) = snapshot.tables.iter().find(|tables| tables.name() == table) else {
            return Err(ReadModelError::Refused(format!(
                "{name} has no table {table} to compare"
            )));
        };
        let limit = limit.clamp(1, 500);
        let after: Option<Vec<String>> = match cursor {
            None => None,
            Some(cursor) => Some(
                serde_json::from_str(cursor)
                    .ok()
                    .filter(|after: &Vec<String>| tables.fits_cursor(after))
                    .ok_or_else(|| {
                        ReadModelError::Refused(
                            "this cursor is not one of this table; begin with the first page"
                                .to_owned(),
                        )
                    })?,
            ),
        };
        let offset: i64 = after
            .as_ref()
            .and_then(|after| after.first()?.parse().ok())
            .unwrap_or(0);
        let Some(sql) = tables.page(kind, after.is_some()) else {
            return Ok(DiffPage {
                table: table.to_owned(),
                kind,
                rows: Vec::new(),
                next: None,
            });
        };
        let keyed = tables.has_key();
        if keyed {
            // A page is met on the way along both keys; a hash of whole tables and a sort would be made anew for each.
            sqlx::raw_sql("set local enable_hashjoin = off")
                .execute(&mut snapshot.session)
                .await?;
        }
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(limit + 1);
        query = if keyed {
            query.bind(after.unwrap_or_default())
        } else {
            query.bind(offset)
        };
        let found = query.fetch_all(&mut snapshot.session).await?;
        let page = usize::try_from(limit).unwrap_or(500);
        let more = found.len() > page;
        let mut rows = Vec::new();
        let mut last: Vec<String> = Vec::new();
        for row in found.into_iter().take(page) {
            last = row.try_get("key")?;
            rows.push(DiffRow {
                live: row
                    .try_get::<Option<Json<Value>>, _>("live")?
                    .map(|row| row.0),
                shadow: row
                    .try_get::<Option<Json<Value>>, _>("shadow")?
                    .map(|row| row.0),
                columns: row.try_get("columns")?,
            });
        }
        if !keyed {
            last = vec![(offset + limit).to_string()];
        }
        snapshot.session.close().await?;
        Ok(DiffPage {
            table: table.to_owned(),
            kind,
            rows,
            next: more.then(|| Value::from(last).to_string()),
        })
    }
}

/// Finds a moment, and brings the shadow to where the live one stands then.
async fn snapshot(mut session: PgConnection, name: &str) -> Result<Snapshot, ReadModelError> {
    let mut attempt = 0;
    let found = loop {
        attempt += 1;
        if let Some(found) = moment(&mut session, name, attempt == ATTEMPTS).await? {
            break found;
        }
        if attempt == ATTEMPTS {
            return Err(ReadModelError::Refused(format!(
                "the shadow of {name} is never between two slices; try again in a few seconds"
            )));
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    };
    let (live_version, live_position, _, live_schema, shadow_version, at, shadow_schema, text) =
        found;
    level::bring_to(&mut session, shadow_version, &shadow_schema, live_position).await?;
    let definition = Definition::parse(name, &text)?;
    let (live, shadow) = (live_schema.as_str(), shadow_schema.as_str());
    let tables = Tables::of(&mut session, &definition, live, shadow).await?;
    Ok(Snapshot {
        session,
        live_version,
        live_position,
        shadow_version,
        shadow_position: at.max(live_position),
        tables,
    })
}

/// Takes a snapshot and holds the shadow in it. None: a slice of the shadow came in between, or the live one is behind it for a
/// moment. A live one that is behind because it does not run is compared as it is.
async fn moment(
    session: &mut PgConnection,
    name: &str,
    last: bool,
) -> Result<Option<Versions>, ReadModelError> {
    sqlx::raw_sql(
        "begin isolation level repeatable read; set local statement_timeout = '120s'; set local lock_timeout = '5s';
         set local work_mem = '128MB'; set local jit = off",
    )
    .execute(&mut *session)
    .await?;
    let found: sqlx::Result<Option<Versions>> = sqlx::query_as(
        "select l.version_id, lp.checkpoint, lp.state, l.schema_name, s.version_id, sp.checkpoint, s.schema_name, s.definition
         from highwater.read_models m
         join highwater.read_model_versions l on l.read_model_id = m.read_model_id and l.role = 'live' and l.schema_name is not null
         join highwater.read_model_progress lp on lp.version_id = l.version_id
         join highwater.read_model_versions s on s.read_model_id = m.read_model_id and s.role = 'shadow' and s.schema_name is not null
         join highwater.read_model_progress sp on sp.version_id = s.version_id
         where m.name = $1 for update of sp",
    )
    .bind(name)
    .fetch_optional(&mut *session)
    .await;
    let busy = |error: &sqlx::Error| {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        matches!(code.as_deref(), Some("40001" | "55P03" | "40P01"))
    };
    let found = match found {
        Err(error) if busy(&error) => None,
        Err(error) => return Err(error.into()),
        Ok(None) => {
            return Err(ReadModelError::Refused(format!(
                "{name} has no shadow to compare; rebuild it first"
            )));
        }
        Ok(Some(found)) => {
            let runs = ReadModelState::ALL
                .iter()
                .any(|state| state.as_str() == found.2 && state.is_running());
            (found.1 >= found.5 || !runs || last).then_some(found)
        }
    };
    if found.is_none() {
        sqlx::raw_sql("rollback").execute(session).await?;
    }
    Ok(found)
}
