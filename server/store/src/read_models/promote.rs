//! Promote, discard, go back: which version is live.
//!
//! A swap is one transaction: it holds both versions' rows, so no slice of either begins or ends; brings the one that comes to where
//! the live one stands; renames the schemas; exchanges the roles. Readers find the one or the other by its name, never a half.

use std::time::Duration;

use highwater_model::{Definition, JobKind, VersionRole};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::define::take_turns;
use super::jobs::Begin;
use super::owner::quoted;
use super::rebuild::{drop_version, execute, no_job, set_aside};
use super::{Order, ReadModelError, actions, jobs, level, set_up};
use crate::{Store, maintenance};

/// A lock is waited for this long, so that slices and readers are not held up behind it; then it is tried again.
const LOCK: &str = "set local lock_timeout = '1s'; set local statement_timeout = '60s'";
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(200);

/// The live version, and the one that takes its place.
struct Pair {
    name: String,
    read_model_id: i32,
    live: Side,
    next: Side,
    diffed: bool,
    /// The version before the live one, which a promotion drops.
    previous: Option<i64>,
}

struct Side {
    version_id: i64,
    definition: String,
    schema: String,
}

/// Read model; version, definition and schema of both; whether they were compared; the previous version.
type Row = (
    i32,
    i64,
    String,
    String,
    i64,
    String,
    String,
    bool,
    Option<i64>,
);

impl Store {
    /// Makes the shadow of a read model live; the live version stays as the previous one. Answers the job that looks after it.
    pub async fn promote(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        say_why(order)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.try_promote(name, order).await {
                Err(error) if error.is_busy() && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn try_promote(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        execute(&mut transaction, LOCK.to_owned()).await?;
        maintenance::refuse(&mut transaction).await?;
        let pair = pair(&mut transaction, name, VersionRole::Shadow).await?;
        no_job(&mut transaction, pair.read_model_id, name).await?;
        if !pair.diffed {
            return Err(ReadModelError::NotCompared {
                name: name.to_owned(),
            });
        }
        let before =
            json!({"live_version": pair.live.version_id, "shadow_version": pair.next.version_id});
        let swapped = pair.swap(&mut transaction).await?;
        let after = json!({"live_version": pair.next.version_id, "previous_version": pair.live.version_id, "position": swapped.position});
        let begin = Begin {
            kind: JobKind::Promote,
            read_model_id: pair.read_model_id,
            read_model: name,
            version_id: pair.next.version_id,
            before,
            after,
            plan: &json!({}),
        };
        let job_id = jobs::begin(&mut transaction, order, begin).await?;
        swapped.note(&mut transaction, job_id).await?;
        transaction.commit().await?;
        Ok(job_id)
    }

    /// Makes the previous version live again, once it has caught up what happened since. Answers the job.
    pub async fn go_back(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        say_why(order)?;
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        maintenance::refuse(&mut transaction).await?;
        let pair = pair(&mut transaction, name, VersionRole::Previous).await?;
        // Whoever wants back at once does not wait until the promotion is verified.
        let unverified: Option<i64> = sqlx::query_scalar(
            "select job_id from highwater.jobs where read_model_id = $1 and state = 'running' and swapped_at is not null for update",
        )
        .bind(pair.read_model_id)
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(job_id) = unverified {
            let outcome = format!("{} went back before it was verified", order.actor);
            jobs::end(&mut transaction, job_id, "cancelled", &outcome, json!({})).await?;
        }
        no_job(&mut transaction, pair.read_model_id, name).await?;
        let before =
            json!({"live_version": pair.live.version_id, "previous_version": pair.next.version_id});
        let after =
            json!({"live_version": pair.next.version_id, "previous_version": pair.live.version_id});
        sqlx::query("update highwater.read_model_progress set state = 'starting', reason = null, since = now() where version_id = $1")
            .bind(pair.next.version_id)
            .execute(&mut *transaction)
            .await?;
        let begin = Begin {
            kind: JobKind::GoBack,
            read_model_id: pair.read_model_id,
            read_model: name,
            version_id: pair.next.version_id,
            before,
            after,
            plan: &json!({}),
        };
        let job_id = jobs::begin(&mut transaction, order, begin).await?;
        transaction.commit().await?;
        Ok(job_id)
    }

    /// The previous version has caught up: it becomes live. What stands against it ends the job. False: not while maintenance is on.
    pub async fn finish_go_back(&self, name: &str, job_id: i64) -> Result<bool, ReadModelError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.try_finish_go_back(name, job_id).await {
                Err(error) if error.is_busy() && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(ReadModelError::Refused(why)) => {
                    let outcome = format!("{why}; the live one was not touched");
                    self.fail_job(job_id, &outcome).await?;
                    return Ok(true);
                }
                done => return done,
            }
        }
    }

    async fn try_finish_go_back(&self, name: &str, job_id: i64) -> Result<bool, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        execute(&mut transaction, LOCK.to_owned()).await?;
        if maintenance::is_on(&mut transaction).await? {
            return Ok(false);
        }
        let job = jobs::held(&mut transaction, job_id).await?;
        if job.state != "running" || job.swapped {
            return Ok(true);
        }
        let pair = pair(&mut transaction, name, VersionRole::Previous).await?;
        let swapped = pair.swap(&mut transaction).await?;
        swapped.note(&mut transaction, job_id).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Drops the shadow or the previous version of a read model, with its rows.
    pub async fn discard(
        &self,
        name: &str,
        role: VersionRole,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        say_why(order)?;
        if !matches!(role, VersionRole::Shadow | VersionRole::Previous) {
            return Err(ReadModelError::Refused(format!(
                "the {} version can't be discarded, only a shadow or a previous one",
                role.as_str()
            )));
        }
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        execute(
            &mut transaction,
            "set local lock_timeout = '10s'".to_owned(),
        )
        .await?;
        let pair = pair(&mut transaction, name, role).await?;
        no_job(&mut transaction, pair.read_model_id, name).await?;
        drop_version(&mut transaction, pair.next.version_id).await?;
        let before = json!({"version": pair.next.version_id, "role": role.as_str()});
        actions::record(&mut transaction, order, "discard", name, before, json!({})).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn say_why(order: &Order) -> Result<(), ReadModelError> {
    let said = order.reason.as_deref().unwrap_or_default();
    if said.trim().is_empty() {
        return Err(ReadModelError::Refused(
            "this needs a reason; say why".to_owned(),
        ));
    }
    Ok(())
}

/// The live version and the one in another role, with the read model locked against other orders.
async fn pair(
    connection: &mut PgConnection,
    name: &str,
    role: VersionRole,
) -> Result<Pair, ReadModelError> {
    let row: Option<Row> = sqlx::query_as(
        "select m.read_model_id, l.version_id, l.definition, l.schema_name, n.version_id, n.definition, n.schema_name, coalesce(n.diffed_at > now() - interval '30 minutes', false),
           (select p.version_id from highwater.read_model_versions p where p.read_model_id = m.read_model_id and p.role = 'previous')
         from highwater.read_models m
         join highwater.read_model_versions l on l.read_model_id = m.read_model_id and l.role = 'live'
         join highwater.read_model_versions n on n.read_model_id = m.read_model_id and n.role = $2
         where m.name = $1 and l.schema_name is not null and n.schema_name is not null for update of m",
    )
    .bind(name)
    .bind(role.as_str())
    .fetch_optional(connection)
    .await?;
    let Some((
        read_model_id,
        live,
        live_definition,
        live_schema,
        next,
        definition,
        schema,
        diffed,
        previous,
    )) = row
    else {
        return Err(ReadModelError::Refused(format!(
            "{name} has no {} version beside its live one",
            role.as_str()
        )));
    };
    Ok(Pair {
        name: name.to_owned(),
        read_model_id,
        live: Side {
            version_id: live,
            definition: live_definition,
            schema: live_schema,
        },
        next: Side {
            version_id: next,
            definition,
            schema,
        },
        diffed,
        previous: previous.filter(|previous| *previous != next),
    })
}

/// What a swap left.
struct Swapped {
    position: i64,
    tables: Vec<String>,
}

impl Pair {
    /// Exchanges the two.
    async fn swap(&self, connection: &mut PgConnection) -> Result<Swapped, ReadModelError> {
        let next = &self.next;
        let (state, reason) = {
            self.lock(connection, next.version_id).await?;
            let live: i64 = sqlx::query_scalar(
                "select checkpoint from highwater.read_model_progress where version_id = $1",
            )
            .bind(self.live.version_id)
            .fetch_one(&mut *connection)
            .await?;
            // Most of it before the live one has to wait.
            level::bring_to(connection, next.version_id, &next.schema, live).await?;
            sqlx::query_as::<_, (String, Option<String>)>(
                "select state, reason from highwater.read_model_progress where version_id = $1",
            )
            .bind(next.version_id)
            .fetch_one(&mut *connection)
            .await?
        };
        if state == "faulted" {
            return Err(ReadModelError::Refused(format!(
                "the version that would become live is faulted: {}",
                reason.unwrap_or_default()
            )));
        }
        let live = self.lock(connection, self.live.version_id).await?;
        level::bring_to(connection, next.version_id, &next.schema, live).await?;
        if let Some(previous) = self.previous {
            drop_version(connection, previous).await?;
        }
        self.rename(connection).await?;
        sqlx::query(
            "update highwater.read_model_versions set role = case version_id when $1 then 'previous' else 'live' end,
               schema_name = case version_id when $1 then $3 || '__previous' else $3 end where version_id in ($1, $2)",
        )
        .bind(self.live.version_id)
        .bind(next.version_id)
        .bind(&self.name)
        .execute(&mut *connection)
        .await?;
        set_aside(connection, self.live.version_id, "another version is live").await?;
        let position = sqlx::query_scalar(
            "update highwater.read_model_progress set generation = generation + 1, state = 'starting', reason = null, since = now()
             where version_id = $1 returning checkpoint",
        )
        .bind(next.version_id)
        .fetch_one(&mut *connection)
        .await?;
        let tables = filled_tables(connection, &self.name).await?;
        Ok(Swapped { position, tables })
    }

    /// Locks a version's row; answers its checkpoint.
    async fn lock(
        &self,
        connection: &mut PgConnection,
        version_id: i64,
    ) -> Result<i64, ReadModelError> {
        Ok(sqlx::query_scalar(
            "select checkpoint from highwater.read_model_progress where version_id = $1 for update",
        )
        .bind(version_id)
        .fetch_one(connection)
        .await?)
    }

    /// The schemas, and the handlers, which know the name of theirs.
    async fn rename(&self, connection: &mut PgConnection) -> Result<(), ReadModelError> {
        let (live, next) = (&self.live, &self.next);
        let aside = format!("{}__swap", self.name);
        let away = format!(
            "alter schema {} rename to {}; alter schema {} rename to {}",
            quoted(&next.schema),
            quoted(&aside),
            quoted(&live.schema),
            quoted(&format!("{}__previous", self.name)),
        );
        execute(connection, away).await?;
        let back = format!(
            "alter schema {} rename to {}",
            quoted(&aside),
            quoted(&self.name)
        );
        execute(connection, back).await?;
        let previous = Definition::parse(&self.name, &live.definition)?;
        set_up::write_handler(connection, &previous, &format!("{}__previous", self.name)).await?;
        let definition = Definition::parse(&self.name, &next.definition)?;
        set_up::write_handler(connection, &definition, &self.name).await
    }
}

impl Swapped {
    /// Keeps with the job what its verification compares with.
    async fn note(&self, connection: &mut PgConnection, job_id: i64) -> Result<(), ReadModelError> {
        sqlx::query(
            "update highwater.jobs set swapped_at = clock_timestamp(), swapped_position = $2, swapped_tables = $3, numbers = numbers || $4 where job_id = $1",
        )
        .bind(job_id)
        .bind(self.position)
        .bind(&self.tables)
        .bind(sqlx::types::Json(json!({"position": self.position}) as Value))
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Tables of a schema that have rows.
pub(super) async fn filled_tables(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<Vec<String>, ReadModelError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'p') order by 1",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await?;
    let mut filled = Vec::new();
    for table in tables {
        let sql = format!(
            "select exists (select from {}.{})",
            quoted(schema),
            quoted(&table)
        );
        if sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut *connection)
            .await?
        {
            filled.push(table);
        }
    }
    Ok(filled)
}
