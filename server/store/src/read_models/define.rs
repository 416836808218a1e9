//! Taking in definitions.

use highwater_model::Definition;
use highwater_model::filter::Glob;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::add_version::{Text, add, remove};
use super::definer::take_turns;
use super::patterns::like;
use super::{Order, ReadModelError, actions, set_up};
use crate::Store;

/// What became of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defined {
    /// The live version is the same; nothing to do.
    Unchanged,
    /// It is a read model now, and starts.
    Started {
        /// Its version.
        version_id: i64,
    },
    /// It waits beside the live version for its rebuild; the live tables are as they were.
    Waiting {
        /// Its version.
        version_id: i64,
    },
    /// It waits until an administrator of the database has run these.
    WaitsForAdministrator {
        /// Its version.
        version_id: i64,
        /// Statements.
        statements: Vec<String>,
    },
}

/// The live version, as far as a new definition cares.
type Live = (i64, String, Option<String>, Option<String>);

impl Store {
    /// Takes in a definition. A new read model gets its tables at once; a changed one is checked and waits, and the live tables stay.
    pub async fn define(
        &self,
        definition: &Definition,
        source: &str,
        order: &Order,
    ) -> Result<Defined, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        let read_model_id: i32 = sqlx::query_scalar(
            "insert into highwater.read_models as m (name, source) values ($1, $2) on conflict (name) do update set source = m.source returning read_model_id",
        )
        .bind(&definition.name)
        .bind(source)
        .fetch_one(&mut *transaction)
        .await?;
        let live: Option<Live> = sqlx::query_as(
            "select version_id, definition, schema_name, handler from highwater.read_model_versions where read_model_id = $1 and role = 'live'",
        )
        .bind(read_model_id)
        .fetch_optional(&mut *transaction)
        .await?;
        let text = Text::of(definition);
        let defined = match live {
            Some((_, _, _, None)) => {
                return Err(ReadModelError::Refused(format!(
                    "{} is the name of a projection in code; choose another",
                    definition.name
                )));
            }
            Some((_, live, Some(_), _)) if live == definition.text => {
                let forgotten = remove(&mut transaction, read_model_id, "waiting").await?;
                if !forgotten {
                    return Ok(Defined::Unchanged);
                }
                Defined::Unchanged
            }
            Some((_, _, Some(_), _)) => {
                // One that is being rebuilt is on its way already.
                let known: Option<i64> = sqlx::query_scalar(
                    "select version_id from highwater.read_model_versions where read_model_id = $1 and role in ('waiting', 'shadow') and definition = $2
                     order by role desc limit 1",
                )
                .bind(read_model_id)
                .bind(&definition.text)
                .fetch_optional(&mut *transaction)
                .await?;
                if let Some(version_id) = known {
                    return Ok(Defined::Waiting { version_id });
                }
                set_up::check(&mut transaction, definition).await?;
                remove(&mut transaction, read_model_id, "waiting").await?;
                let version_id = add(&mut transaction, read_model_id, "waiting", &text).await?;
                Defined::Waiting { version_id }
            }
            // Without tables there is nothing to keep.
            _ => {
                remove(&mut transaction, read_model_id, "live").await?;
                let version_id = add(&mut transaction, read_model_id, "live", &text).await?;
                start(&mut transaction, definition, version_id).await?
            }
        };
        let after = match &defined {
            Defined::Unchanged => json!({"definition": "as the live one"}),
            Defined::Started { version_id } => json!({"version": version_id, "role": "live"}),
            Defined::Waiting { version_id } => json!({"version": version_id, "role": "waiting"}),
            Defined::WaitsForAdministrator { version_id, .. } => {
                json!({"version": version_id, "state": "stopped"})
            }
        };
        actions::record(
            &mut transaction,
            order,
            "define",
            &definition.name,
            json!({}),
            after,
        )
        .await?;
        transaction.commit().await?;
        Ok(defined)
    }

    /// Tries again to make the tables of read models that wait for an administrator; answers which have them now.
    pub async fn set_up_waiting(&self) -> Result<Vec<String>, ReadModelError> {
        let waiting: Vec<(String, i64, String)> = sqlx::query_as(
            "select m.name, v.version_id, v.definition from highwater.read_models m join highwater.read_model_versions v using (read_model_id)
             where v.role = 'live' and v.schema_name is null and v.handler is not null order by m.name limit 1000",
        )
        .fetch_all(self.pool())
        .await?;
        let mut done = Vec::new();
        for (name, version_id, text) in waiting {
            let definition = Definition::parse(&name, &text)?;
            let mut session = self.definer().await?;
            let mut transaction = take_turns(&mut session).await?;
            if let Ok(Defined::Started { .. }) =
                start(&mut transaction, &definition, version_id).await
            {
                transaction.commit().await?;
                done.push(name);
            }
        }
        Ok(done)
    }

    /// Makes a projection in code known; its version goes on where it was.
    pub async fn define_code(&self, name: &str, events: &[Glob]) -> Result<i64, ReadModelError> {
        highwater_model::read_model_definition::check_name(name)?;
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        let read_model_id: i32 = sqlx::query_scalar(
            "insert into highwater.read_models as m (name, source) values ($1, 'code') on conflict (name) do update set source = m.source returning read_model_id",
        )
        .bind(name)
        .fetch_one(&mut *transaction)
        .await?;
        let text = Text {
            definition: "",
            describe: None,
            events: events.iter().map(Glob::to_string).collect(),
            patterns: events.iter().map(like).collect(),
            handler: None,
            policy: "stop",
        };
        let live: Option<(i64, Option<String>)> = sqlx::query_as(
            "select version_id, handler from highwater.read_model_versions where read_model_id = $1 and role = 'live'",
        )
        .bind(read_model_id)
        .fetch_optional(&mut *transaction)
        .await?;
        let version_id = match live {
            Some((_, Some(_))) => {
                return Err(ReadModelError::Refused(format!(
                    "{name} is the name of an SQL read model; choose another"
                )));
            }
            Some((version_id, None)) => {
                sqlx::query("update highwater.read_model_versions set event_types = $2, event_patterns = $3 where version_id = $1")
                    .bind(version_id)
                    .bind(&text.events)
                    .bind(&text.patterns)
                    .execute(&mut *transaction)
                    .await?;
                version_id
            }
            None => add(&mut transaction, read_model_id, "live", &text).await?,
        };
        transaction.commit().await?;
        Ok(version_id)
    }
}

/// Makes the tables of a live version, or says what an administrator has to do first.
async fn start(
    connection: &mut PgConnection,
    definition: &Definition,
    version_id: i64,
) -> Result<Defined, ReadModelError> {
    let mut attempt = connection.begin().await?;
    let made = set_up::set_up(&mut attempt, definition, version_id, &definition.name).await;
    let (state, reason, schema, defined) = match made {
        Ok(()) => {
            attempt.commit().await?;
            let schema = Some(definition.name.as_str());
            ("starting", None, schema, Defined::Started { version_id })
        }
        Err(ReadModelError::NeedsAdministrator { statements }) => {
            attempt.rollback().await?;
            let reason = ReadModelError::NeedsAdministrator {
                statements: statements.clone(),
            };
            let defined = Defined::WaitsForAdministrator {
                version_id,
                statements,
            };
            ("stopped", Some(reason.to_string()), None, defined)
        }
        Err(error) => return Err(error),
    };
    sqlx::query("update highwater.read_model_versions set schema_name = $2 where version_id = $1")
        .bind(version_id)
        .bind(schema)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "update highwater.read_model_progress set since = case when state = $2 then since else now() end, state = $2, reason = $3 where version_id = $1",
    )
    .bind(version_id)
    .bind(state)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(defined)
}
