//! The swap: another version becomes live.
//!
//! It is one transaction: it holds both versions' rows, so no slice of either begins or ends; brings the one that comes to where
//! the live one stands; renames the schemas; exchanges the roles. Readers find the one or the other by its name, never a half.

use highwater_model::{Definition, VersionRole};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::filled_tables::filled_tables;
use super::owner::quoted;
use super::rebuild::{drop_version, execute, set_aside};
use super::{ReadModelError, level, set_up};

/// The live version, and the one that takes its place.
pub(super) struct Pair {
    name: String,
    pub(super) read_model_id: i32,
    pub(super) live: Side,
    pub(super) next: Side,
    pub(super) diffed: bool,
    /// The version before the live one, which a promotion drops.
    previous: Option<i64>,
}

pub(super) struct Side {
    pub(super) version_id: i64,
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

/// The live version and the one in another role, with the read model locked against other orders.
pub(super) async fn pair(
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
pub(super) struct Swapped {
    pub(super) position: i64,
    tables: Vec<String>,
}

impl Pair {
    /// Exchanges the two.
    pub(super) async fn swap(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Swapped, ReadModelError> {
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
    pub(super) async fn note(
        &self,
        connection: &mut PgConnection,
        job_id: i64,
    ) -> Result<(), ReadModelError> {
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
