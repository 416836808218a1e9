//! The rows of a part: deleted, made again from its events, and looked at.
//!
//! The handler is the same; for this transaction its view of the slice shows the part's events only. Whether the definition's key
//! holds is looked at afterwards: rows of others that are gone or were written end it with nothing kept.

use highwater_model::Part;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::owner::quoted;
use super::rebuild::execute;
use super::views::{Streams, events_view, events_view_of};
use super::{ReadModelError, level};

/// Events that are handed to the handler at once.
const AT_ONCE: i32 = 10_000;

/// How the events of a part are told from others.
pub(super) struct Which {
    pub(super) part: Part,
    pub(super) version_id: i64,
    /// Where the live version stands.
    pub(super) checkpoint: i64,
    pub(super) slice_limit: i32,
    pub(super) types: Vec<i32>,
    /// A condition on `e`, a row of the log.
    pub(super) events: String,
}

/// Rows of the part, rows of others, and those of others that this transaction has written.
type Counts = (i64, i64, i64);

/// What was made.
pub(super) struct Made {
    events: i64,
    tables: Vec<(String, Counts, Counts)>,
}

impl Which {
    /// Rows of the log that are in the slice and in the part, without those that were left out on record.
    fn slice(&self) -> String {
        format!(
            "select e.* from highwater.read_model_progress p
             cross join lateral (
               select * from highwater.events e
               where {} and e.position > p.sliced_after and e.position <= p.checkpoint and e.type_id = any (p.type_ids)
                 and not exists (select from highwater.read_model_failures f
                   where f.version_id = p.version_id and f.position = e.position and f.outcome = 'skipped')
               order by e.position
             ) e
             where p.version_id = {} limit {AT_ONCE}",
            self.events, self.version_id
        )
    }
}

/// Deletes the part's rows and makes them again.
pub(super) async fn make(
    connection: &mut PgConnection,
    which: &Which,
    schema: &str,
) -> Result<Made, ReadModelError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'p')
           and not c.relispartition order by 1",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await?;
    let before = count(connection, schema, &tables, &which.part).await?;
    let column = quoted(which.part.key().as_str());
    // In one statement: tables that refer to each other are looked at when all of it is gone.
    let deletes: Vec<String> = tables
        .iter()
        .enumerate()
        .map(|(n, table)| {
            format!(
                "d{n} as (delete from {}.{} where {column} = $1)",
                quoted(schema),
                quoted(table)
            )
        })
        .collect();
    sqlx::query(AssertSqlSafe(format!("with {} select", deletes.join(", "))))
        .bind(which.part.name())
        .execute(&mut *connection)
        .await?;
    execute(
        connection,
        events_view_of(schema, Streams::LookedUp, &which.slice()),
    )
    .await?;
    let events = handle(connection, which, schema).await?;
    execute(
        connection,
        events_view(schema, which.version_id, which.slice_limit),
    )
    .await?;
    let after = count(connection, schema, &tables, &which.part).await?;
    let tables: Vec<(String, Counts, Counts)> = tables
        .into_iter()
        .zip(before.into_iter().zip(after))
        .map(|(table, (before, after))| (table, before, after))
        .collect();
    for (table, before, after) in &tables {
        if before.1 != after.1 || after.2 > 0 {
            return Err(ReadModelError::Refused(format!(
                "handling the events of {} changed rows of others in {table}, so its rows don't belong to one {} each as the definition says; rebuild the whole of it",
                which.part.name(),
                which.part.key()
            )));
        }
    }
    Ok(Made { events, tables })
}

/// Handles the part's events up to the checkpoint, slice by slice; the version's own slice is as it was afterwards.
async fn handle(
    connection: &mut PgConnection,
    which: &Which,
    schema: &str,
) -> Result<i64, ReadModelError> {
    let (sliced_after, type_ids): (i64, Vec<i32>) = sqlx::query_as(
        "select sliced_after, type_ids from highwater.read_model_progress where version_id = $1",
    )
    .bind(which.version_id)
    .fetch_one(&mut *connection)
    .await?;
    let next = format!(
        "select max(position), count(*) from (
           select e.position from highwater.events e where {} and e.position > $1 and e.position <= $2 and e.type_id = any ($3) order by e.position limit $4) e",
        which.events
    );
    let (mut after, mut events) = (0_i64, 0_i64);
    loop {
        let (upto, found): (Option<i64>, i64) = sqlx::query_as(AssertSqlSafe(next.as_str()))
            .bind(after)
            .bind(which.checkpoint)
            .bind(&which.types)
            .bind(i64::from(AT_ONCE))
            .fetch_one(&mut *connection)
            .await?;
        let Some(upto) = upto else { break };
        set_slice(connection, which.version_id, after, upto, &which.types).await?;
        let what = format!("an event of {} up to position {upto}", which.part.name());
        level::call_handler(connection, schema, &what).await?;
        after = upto;
        events += found;
    }
    set_slice(
        connection,
        which.version_id,
        sliced_after,
        which.checkpoint,
        &type_ids,
    )
    .await?;
    Ok(events)
}

async fn set_slice(
    connection: &mut PgConnection,
    version_id: i64,
    after: i64,
    upto: i64,
    types: &[i32],
) -> Result<(), ReadModelError> {
    sqlx::query(
        "update highwater.read_model_progress set sliced_after = $2, checkpoint = $3, type_ids = $4 where version_id = $1",
    )
    .bind(version_id)
    .bind(after)
    .bind(upto)
    .bind(types)
    .execute(connection)
    .await?;
    Ok(())
}

async fn count(
    connection: &mut PgConnection,
    schema: &str,
    tables: &[String],
    part: &Part,
) -> Result<Vec<Counts>, ReadModelError> {
    let column = quoted(part.key().as_str());
    let mut counts = Vec::with_capacity(tables.len());
    for table in tables {
        let sql = format!(
            "select count(*) filter (where {column} = $1), count(*) filter (where {column} is distinct from $1),
               count(*) filter (where {column} is distinct from $1 and xmin = pg_current_xact_id()::xid) from {}.{}",
            quoted(schema),
            quoted(table)
        );
        let found: Counts = sqlx::query_as(AssertSqlSafe(sql))
            .bind(part.name())
            .fetch_one(&mut *connection)
            .await?;
        counts.push(found);
    }
    Ok(counts)
}

impl Made {
    pub(super) fn told(&self, which: &Which) -> String {
        let tables: Vec<String> = self
            .tables
            .iter()
            .map(|(table, before, after)| format!("{table} had {} and has {}", before.0, after.0))
            .collect();
        format!(
            "verified: rows of {} were made again from {} events up to {}: {}; no row of others was touched",
            which.part.name(),
            self.events,
            which.checkpoint,
            tables.join(", ")
        )
    }

    pub(super) fn numbers(&self) -> Value {
        let tables: Map<String, Value> = self
            .tables
            .iter()
            .map(|(table, before, after)| {
                let counts = json!({"before": before.0, "after": after.0, "others": after.1});
                (table.clone(), counts)
            })
            .collect();
        json!({"events": self.events, "tables": tables})
    }
}
