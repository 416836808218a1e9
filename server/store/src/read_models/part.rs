//! Rebuild of a part: the rows of one stream or one category are made again from its events, in the live tables, in one transaction.
//!
//! The handler is the same; for this transaction its view of the slice shows the part's events only. Whether the definition's key
//! holds is looked at afterwards: rows of other streams that are gone or were written end it with nothing kept.

use highwater_model::{Definition, JobKind, Part, PartKey};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::owner::quoted;
use super::rebuild::{execute, no_job};
use super::set_up::{events_view, events_view_of, quoted_text};
use super::{Order, ReadModelError, SliceError, actions, define, jobs};
use crate::Store;

/// Events of a part at most: the live version waits while they are handled.
const MOST: i64 = 100_000;
/// Events that are handed to the handler at once.
const AT_ONCE: i32 = 10_000;

#[derive(FromRow)]
struct Live {
    read_model_id: i32,
    version_id: i64,
    definition: String,
    handler: Option<String>,
    schema_name: Option<String>,
    checkpoint: i64,
    slice_limit: i32,
}

/// How the events of a part are told from others.
struct Which {
    part: Part,
    version_id: i64,
    types: Vec<i32>,
    /// A condition on `e`, a row of the log.
    events: String,
}

/// Rows of the part, rows of others, and those of others that this transaction has written.
type Counts = (i64, i64, i64);

/// What was made.
struct Made {
    events: i64,
    tables: Vec<(String, Counts, Counts)>,
}

impl Store {
    /// Makes the rows of one stream or category again. Answers the job, which is over.
    pub async fn rebuild_part(
        &self,
        name: &str,
        part: &Part,
        order: &Order,
    ) -> Result<i64, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = sqlx::Connection::begin(&mut session).await?;
        let locks = "set local lock_timeout = '10s'; set local statement_timeout = '120s'";
        execute(&mut transaction, locks.to_owned()).await?;
        let live = live(&mut transaction, name).await?;
        let schema = live.refuses(name, part)?;
        no_job(&mut transaction, live.read_model_id, name).await?;
        let (which, matching) = live.which(&mut transaction, name, part).await?;
        let made = make(&mut transaction, &live, schema, &which).await;
        let (state, outcome, numbers) = match made {
            Ok(made) => ("done", made.told(part, live.checkpoint), made.numbers()),
            Err(ReadModelError::Refused(why)) => {
                transaction.rollback().await?;
                transaction = sqlx::Connection::begin(&mut session).await?;
                execute(&mut transaction, locks.to_owned()).await?;
                sqlx::query(
                    "select from highwater.read_models where read_model_id = $1 for update",
                )
                .bind(live.read_model_id)
                .execute(&mut *transaction)
                .await?;
                no_job(&mut transaction, live.read_model_id, name).await?;
                let outcome = format!("{why}; its rows are as they were");
                ("failed", outcome, json!({"events": 0}))
            }
            Err(error) => return Err(error),
        };
        let facts =
            json!({"version": live.version_id, "part": part, "checkpoint": live.checkpoint});
        let action_id = actions::begin(
            &mut transaction,
            order,
            "rebuild_part",
            name,
            facts.clone(),
            facts,
        )
        .await?;
        let job_id = jobs::begin(
            &mut transaction,
            JobKind::RebuildPart,
            live.read_model_id,
            live.version_id,
            order,
            action_id,
            &json!({"part": part, "matching": matching}),
        )
        .await?;
        jobs::end(&mut transaction, job_id, state, &outcome, numbers).await?;
        transaction.commit().await?;
        Ok(job_id)
    }
}

/// The live version, locked: no slice of it begins or ends meanwhile.
async fn live(connection: &mut PgConnection, name: &str) -> Result<Live, ReadModelError> {
    let live: Option<Live> = sqlx::query_as(
        "select m.read_model_id, v.version_id, v.definition, v.handler, v.schema_name, p.checkpoint, p.slice_limit
         from highwater.read_models m join highwater.read_model_versions v on v.read_model_id = m.read_model_id and v.role = 'live'
         join highwater.read_model_progress p using (version_id) where m.name = $1 for update of m, p",
    )
    .bind(name)
    .fetch_optional(connection)
    .await?;
    live.ok_or_else(|| ReadModelError::Unknown {
        name: name.to_owned(),
    })
}

impl Live {
    /// Refuses where rows don't belong to such parts; answers the schema.
    fn refuses(&self, name: &str, part: &Part) -> Result<&str, ReadModelError> {
        let (Some(_), Some(schema)) = (&self.handler, &self.schema_name) else {
            return Err(ReadModelError::Refused(format!(
                "{name} has no SQL definition with tables; only of such a read model a part is rebuilt"
            )));
        };
        let key = Definition::parse(name, &self.definition)?
            .key
            .map(|key| key.part);
        let wanted = part.key();
        if key == Some(wanted) {
            return Ok(schema);
        }
        Err(ReadModelError::Refused(match key {
            Some(key) => format!(
                "the rows of {name} belong to one {key} each, not to one {wanted}; rebuild a {key} or the whole of it"
            ),
            None => format!(
                "the definition of {name} does not say that each of its rows belongs to one {wanted} (-- highwater: key {wanted}); rebuild the whole of it"
            ),
        }))
    }

    /// The part's events, counted up to the checkpoint.
    async fn which(
        &self,
        connection: &mut PgConnection,
        name: &str,
        part: &Part,
    ) -> Result<(Which, i64), ReadModelError> {
        let known: Option<i64> = sqlx::query_scalar(match part {
            Part::Stream(_) => "select stream_id from highwater.streams where name = $1",
            Part::Category(_) => {
                "select stream_id from highwater.streams where category = $1 limit 1"
            }
        })
        .bind(part.name())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(stream_id) = known else {
            return Err(ReadModelError::Refused(format!(
                "there is no {} {}; nothing was changed",
                part.key(),
                part.name()
            )));
        };
        let definition = Definition::parse(name, &self.definition)?;
        let patterns: Vec<String> = definition.events.iter().map(define::like).collect();
        let types: Vec<i32> = sqlx::query_scalar("select highwater.types_like($1)")
            .bind(&patterns)
            .fetch_one(&mut *connection)
            .await?;
        let events = match part {
            Part::Stream(_) => format!("e.stream_id = {stream_id}"),
            Part::Category(category) => format!(
                "e.stream_id in (select s.stream_id from highwater.streams s where s.category = {})",
                quoted_text(category)
            ),
        };
        let count = format!(
            "select count(*) from (select from highwater.events e where {events} and e.position <= $1 and e.type_id = any ($2) limit $3) e"
        );
        let matching: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .bind(self.checkpoint)
            .bind(&types)
            .bind(MOST + 1)
            .fetch_one(&mut *connection)
            .await?;
        if matching > MOST {
            return Err(ReadModelError::Refused(format!(
                "{} has more than {MOST} events for {name}, which would hold it up too long; rebuild the whole of it beside the live one",
                part.name()
            )));
        }
        let which = Which {
            part: part.clone(),
            version_id: self.version_id,
            types,
            events,
        };
        Ok((which, matching))
    }
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
async fn make(
    connection: &mut PgConnection,
    live: &Live,
    schema: &str,
    which: &Which,
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
    execute(connection, events_view_of(schema, &which.slice())).await?;
    let events = handle(connection, live.checkpoint, schema, which).await?;
    execute(
        connection,
        events_view(schema, live.version_id, live.slice_limit),
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
    checkpoint: i64,
    schema: &str,
    which: &Which,
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
    let call = format!("select {}.handle()", quoted(schema));
    let (mut after, mut events) = (0_i64, 0_i64);
    loop {
        let (upto, found): (Option<i64>, i64) = sqlx::query_as(AssertSqlSafe(next.as_str()))
            .bind(after)
            .bind(checkpoint)
            .bind(&which.types)
            .bind(i64::from(AT_ONCE))
            .fetch_one(&mut *connection)
            .await?;
        let Some(upto) = upto else { break };
        set_slice(connection, which.version_id, after, upto, &which.types).await?;
        if let Err(error) = sqlx::query(AssertSqlSafe(call.as_str()))
            .execute(&mut *connection)
            .await
        {
            return Err(match SliceError::from_handler(&error) {
                SliceError::Handler { message, .. } => ReadModelError::Refused(format!(
                    "an event of {} up to position {upto} can't be handled: {message}",
                    which.part.name()
                )),
                SliceError::Database(_) => error.into(),
            });
        }
        after = upto;
        events += found;
    }
    set_slice(
        connection,
        which.version_id,
        sliced_after,
        checkpoint,
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
    fn told(&self, part: &Part, checkpoint: i64) -> String {
        let tables: Vec<String> = self
            .tables
            .iter()
            .map(|(table, before, after)| format!("{table} had {} and has {}", before.0, after.0))
            .collect();
        format!(
            "verified: rows of {} were made again from {} events up to {checkpoint}: {}; no row of others was touched",
            part.name(),
            self.events,
            tables.join(", ")
        )
    }

    fn numbers(&self) -> Value {
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

/// Refuses a key that a table has no column for.
pub(super) async fn keyed_tables(
    connection: &mut PgConnection,
    definition: &Definition,
    schema: &str,
) -> Result<(), ReadModelError> {
    let Some(key) = definition.key else {
        return Ok(());
    };
    let table: Option<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'p') and not c.relispartition
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = $2 and a.atttypid = 'text'::regtype)
         order by 1 limit 1",
    )
    .bind(schema)
    .bind(key.part.as_str())
    .fetch_optional(connection)
    .await?;
    match table {
        None => Ok(()),
        Some(table) => Err(no_column(definition, key.part, key.at, &table).into()),
    }
}

fn no_column(
    definition: &Definition,
    part: PartKey,
    at: usize,
    table: &str,
) -> highwater_model::DefinitionError {
    let message = format!(
        "rows that belong to one {part} each say to which: every table has a column {part} of type text, and {table} has none"
    );
    highwater_model::DefinitionError::at(&definition.text, at, message)
}
