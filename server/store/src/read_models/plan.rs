//! What a rebuild will cost: events counted, time measured, disk from the live tables. Nothing of the probe is kept.

use std::time::Instant;

use highwater_model::read_model_plan::PROBE_FAILS;
use highwater_model::{Definition, Eta, FailurePolicy, RebuildPlan};
use sqlx::{AssertSqlSafe, PgConnection};

use super::add_version::add_shadow;
use super::definer::take_turns;
use super::patterns::like;
use super::set_up::{self, REBUILD_LIMIT};
use super::views::events_view;
use super::{ReadModelError, level};
use crate::Store;

/// Events that the definition is tried on.
const PROBE: i32 = 10_000;

/// Read model; the live version, its definition, handler and schema; the version that waits and its definition.
type Row = (
    i32,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

impl Store {
    /// Plans a rebuild.
    pub async fn plan_rebuild(&self, name: &str) -> Result<RebuildPlan, ReadModelError> {
        let row: Option<Row> = sqlx::query_as(
            "select m.read_model_id, l.version_id, l.definition, l.handler, l.schema_name, w.version_id, w.definition from highwater.read_models m
             join highwater.read_model_versions l on l.read_model_id = m.read_model_id and l.role = 'live'
             left join highwater.read_model_versions w on w.read_model_id = m.read_model_id and w.role = 'waiting' where m.name = $1",
        )
        .bind(name)
        .fetch_optional(self.pool())
        .await?;
        let (read_model_id, live_id, live, handler, schema, waiting_id, waiting) =
            row.ok_or_else(|| ReadModelError::Unknown {
                name: name.to_owned(),
            })?;
        let (Some(_), Some(schema)) = (handler, schema) else {
            return Err(ReadModelError::Refused(format!(
                "{name} has no SQL definition with tables; only such a read model is rebuilt here"
            )));
        };
        let definition = Definition::parse(name, waiting.as_ref().unwrap_or(&live))?;
        let patterns: Vec<String> = definition.events.iter().map(like).collect();
        let matching: i64 = sqlx::query_scalar("select highwater.matching_after($1, 0)")
            .bind(&patterns)
            .fetch_one(self.pool())
            .await?;
        let disk_bytes: i64 = sqlx::query_scalar(
            "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c
             where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'S')",
        )
        .bind(&schema)
        .fetch_one(self.pool())
        .await?;
        let mut warnings = Vec::new();
        if waiting.is_none() {
            warnings.push("no changed definition waits: the live one is built again".to_owned());
        }
        match definition.policy {
            FailurePolicy::Skip => {
                warnings.push("events that it can't handle are left out, on record".to_owned());
            }
            FailurePolicy::Retry => warnings.push(
                "at an event that it can't handle it tries for minutes, and stands there then until somebody decides"
                    .to_owned(),
            ),
            FailurePolicy::Stop => {}
        }
        self.warn_of_versions(read_model_id, &mut warnings).await?;
        let (duration, measured) = match self
            .earlier(read_model_id, &definition.text, "rebuild")
            .await?
        {
            Some(rate) => (
                Eta::new(matching, rate, rate, None),
                "the last rebuild of this definition".to_owned(),
            ),
            None => {
                self.probed(&definition, &patterns, matching, &mut warnings)
                    .await?
            }
        };
        Ok(RebuildPlan {
            read_model: name.to_owned(),
            version_id: waiting_id.unwrap_or(live_id),
            changed_definition: waiting.is_some(),
            matching,
            duration,
            measured,
            disk_bytes,
            // Its SQL can write nothing but its own schema.
            side_effects: Vec::new(),
            warnings,
        })
    }

    /// What stands in the way, and what a promotion would take away.
    async fn warn_of_versions(
        &self,
        read_model_id: i32,
        warnings: &mut Vec<String>,
    ) -> Result<(), ReadModelError> {
        let (job, shadow, previous, failures): (Option<String>, bool, bool, i64) = sqlx::query_as(
            "select (select j.kind from highwater.jobs j where j.read_model_id = $1 and j.state in ('planned', 'running')),
               coalesce(bool_or(v.role = 'shadow'), false), coalesce(bool_or(v.role = 'previous'), false),
               (select count(*) from highwater.read_model_failures f join highwater.read_model_versions l using (version_id)
                where l.read_model_id = $1 and l.role = 'live' and f.outcome = 'open')
             from highwater.read_model_versions v where v.read_model_id = $1",
        )
        .bind(read_model_id)
        .fetch_one(self.pool())
        .await?;
        if let Some(kind) = job {
            warnings.push(format!(
                "a job runs already ({}): this one can't begin before its end",
                kind.replace('_', " ")
            ));
        } else if shadow {
            warnings.push("there is a shadow already: promote it or discard it first".to_owned());
        }
        if previous {
            warnings.push("promoting it drops the previous version".to_owned());
        }
        if failures > 0 {
            warnings.push(
                "the live one stands on an event that failed; the rebuild may fail there too"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Events a second of the last such job with the same definition, apart from the time in which it yielded.
    pub(super) async fn earlier(
        &self,
        read_model_id: i32,
        definition: &str,
        kind: &str,
    ) -> Result<Option<f64>, ReadModelError> {
        Ok(sqlx::query_scalar(
            "select (j.numbers->>'events')::float8 / greatest(j.worked - coalesce((j.numbers->>'yielded_seconds')::float8, 0), 0.001) from highwater.jobs j join highwater.read_model_versions v using (version_id)
             where j.read_model_id = $1 and v.definition = $2 and j.kind = $3 and j.state = 'done' and j.speed_limit is null
               and j.worked > 0 and (j.numbers->>'events')::bigint > 0 order by j.job_id desc limit 1",
        )
        .bind(read_model_id)
        .bind(definition)
        .bind(kind)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Tries the definition on the first events of the log, in a transaction that is rolled back.
    pub(super) async fn probed(
        &self,
        definition: &Definition,
        patterns: &[String],
        matching: i64,
        warnings: &mut Vec<String>,
    ) -> Result<(Option<Eta>, String), ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        let probed = probe(&mut transaction, definition, patterns).await;
        transaction.rollback().await?;
        Ok(match probed {
            Ok((events, seconds)) if events > 0 => {
                #[expect(clippy::cast_precision_loss, reason = "an estimate")]
                let rate = events as f64 / seconds.max(0.001);
                // Larger slices are faster, larger tables slower.
                let duration = Eta::new(matching, rate * 0.7, rate * 2.0, None);
                (duration, format!("a probe of {events} events"))
            }
            Ok(_) => (None, "no event to measure on".to_owned()),
            Err(ReadModelError::Refused(why)) => {
                warnings.push(format!("{PROBE_FAILS}{why}"));
                (None, "the probe failed".to_owned())
            }
            Err(error) => return Err(error),
        })
    }
}

/// Events, and seconds for them.
async fn probe(
    connection: &mut PgConnection,
    definition: &Definition,
    patterns: &[String],
) -> Result<(i64, f64), ReadModelError> {
    let read_model_id: i32 = sqlx::query_scalar(
        "insert into highwater.read_models (name, source) values ($1, 'check') returning read_model_id",
    )
    .bind(format!("{}__check", definition.name))
    .fetch_one(&mut *connection)
    .await?;
    let version_id = add_shadow(connection, read_model_id, definition).await?;
    let schema = format!("{}__check", definition.name);
    set_up::set_up(connection, definition, version_id, &schema).await?;
    sqlx::raw_sql(AssertSqlSafe(events_view(
        &schema,
        version_id,
        REBUILD_LIMIT,
    )))
    .execute(&mut *connection)
    .await?;
    let (upto, events): (i64, i64) = sqlx::query_as(
        "with wide as (update highwater.read_model_progress set slice_limit = $4 where version_id = $3)
         select n.upto, n.events from highwater.next_slice(highwater.types_like($1), 0, $2, 1000) n",
    )
    .bind(patterns)
    .bind(PROBE)
    .bind(version_id)
    .bind(REBUILD_LIMIT)
    .fetch_one(&mut *connection)
    .await?;
    let began = Instant::now();
    level::bring_to(connection, version_id, &schema, upto).await?;
    Ok((events, began.elapsed().as_secs_f64()))
}
