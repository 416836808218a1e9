//! Rebuild of a part: the rows of one stream or one category are made again from its events, in the live tables, in one transaction.

use highwater_model::{Definition, JobKind, Part};
use serde_json::json;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::jobs::Begin;
use super::part_rows::{Which, make};
use super::patterns::like;
use super::rebuild::{execute, no_job};
use super::set_up::quoted_text;
use super::{Order, ReadModelError, jobs};
use crate::{Store, maintenance};

/// Events of a part at most: the live version waits while they are handled.
const MOST: i64 = 100_000;

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
        maintenance::refuse(&mut transaction).await?;
        let live = live(&mut transaction, name).await?;
        let schema = live.refuses(name, part)?;
        no_job(&mut transaction, live.read_model_id, name).await?;
        let (which, matching) = live.which(&mut transaction, name, part).await?;
        let made = make(&mut transaction, &which, schema).await;
        let (state, outcome, numbers) = match made {
            Ok(made) => ("done", made.told(&which), made.numbers()),
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
        let begin = Begin {
            kind: JobKind::RebuildPart,
            read_model_id: live.read_model_id,
            read_model: name,
            version_id: live.version_id,
            before: facts.clone(),
            after: facts,
            plan: &json!({"part": part, "matching": matching}),
        };
        let job_id = jobs::begin(&mut transaction, order, begin).await?;
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
        let patterns: Vec<String> = definition.events.iter().map(like).collect();
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
            checkpoint: self.checkpoint,
            slice_limit: self.slice_limit,
            types,
            events,
        };
        Ok((which, matching))
    }
}
