//! Running a definition over events.

use highwater_model::{RecordedEvent, StateDefinition, Version};
use jiff_sqlx::ToSqlx;
use serde_json::value::RawValue;
use sqlx::postgres::PgDatabaseError;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use super::keep::StateDefinitionId;
use super::set_up;
use crate::error::is_outage;
use crate::read_models::ReadModelError;
use crate::{Store, StoreError};

/// A session in which a definition's expression runs; it ends with this value.
#[derive(Debug)]
pub struct StateFolding {
    session: PgConnection,
    call: String,
}

/// Why a definition did not answer.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// Its expression failed.
    #[error("{message}")]
    Expression {
        /// At the event of this version; none: at one of those that were given.
        version: Option<Version>,
        /// What the database says.
        message: String,
    },
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Runs a definition that the store has.
    pub async fn fold_by(&self, id: StateDefinitionId) -> Result<StateFolding, StoreError> {
        let options = self.session("highwater states").options([
            ("default_transaction_read_only", "on"),
            ("statement_timeout", set_up::CALL),
        ]);
        let mut session = options.connect().await?;
        begin(&mut session).await?;
        Ok(StateFolding::new(session, id))
    }

    /// Runs a definition that is nowhere kept, or says where it is wrong.
    pub async fn fold_by_trial(
        &self,
        definition: &StateDefinition,
    ) -> Result<StateFolding, ReadModelError> {
        let mut session = self.definer().await?;
        let role = set_up::owner(&mut session).await?;
        begin(&mut session).await?;
        let id = set_up::make(&mut session, definition, &role).await?;
        sqlx::raw_sql(AssertSqlSafe(format!(
            "set local transaction_read_only = on; set local statement_timeout = '{}'",
            set_up::CALL
        )))
        .execute(&mut session)
        .await?;
        Ok(StateFolding::new(session, id))
    }
}

/// Begins a transaction that is never committed: whatever an expression may have found to write ends with the session.
async fn begin(session: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("begin").execute(session).await?;
    Ok(())
}

impl StateFolding {
    fn new(session: PgConnection, id: StateDefinitionId) -> Self {
        Self {
            session,
            call: format!(
                "select * from highwater_states.fold_{}($1, $2, $3, $4, $5, $6, $7)",
                id.0
            ),
        }
    }

    /// The states after events of one stream, in their order, from the state before them (`null`: there is none). Of states that are
    /// many megabytes together, or take a second together, only the first are answered, one at least.
    pub async fn states(
        &mut self,
        before: &RawValue,
        events: &[RecordedEvent],
    ) -> Result<Vec<Box<RawValue>>, FoldError> {
        let Some(first) = events.first() else {
            return Ok(Vec::new());
        };
        let types: Vec<&str> = events.iter().map(|event| &*event.event_type).collect();
        let datas: Vec<Json<&RawValue>> = events.iter().map(|event| Json(&*event.data)).collect();
        let metadatas: Vec<Json<&RawValue>> =
            events.iter().map(|event| Json(&*event.metadata)).collect();
        let versions: Vec<i64> = events.iter().map(|event| event.version.0).collect();
        let times: Vec<jiff_sqlx::Timestamp> = events
            .iter()
            .map(|event| event.occurred_at.to_sqlx())
            .collect();
        let states: Vec<Json<Box<RawValue>>> =
            sqlx::query_scalar(AssertSqlSafe(self.call.as_str()))
                .bind(Json(before))
                .bind(first.stream.as_str())
                .bind(types)
                .bind(datas)
                .bind(metadatas)
                .bind(versions)
                .bind(times)
                .fetch_all(&mut self.session)
                .await
                .map_err(failed)?;
        if states.is_empty() {
            return Err(StoreError::Broken("a definition answered no state".to_owned()).into());
        }
        Ok(states.into_iter().map(|state| state.0).collect())
    }
}

/// What the expression is to blame for, and what the database.
fn failed(error: sqlx::Error) -> FoldError {
    let said = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let Some(said) = said.filter(|said| !is_outage(said.code())) else {
        return FoldError::Store(error.into());
    };
    if said.code() == "57014" {
        return FoldError::Expression {
            version: None,
            message: format!("it took longer than {} and was stopped", set_up::CALL),
        };
    }
    FoldError::Expression {
        version: said
            .detail()
            .and_then(|detail| detail.parse().ok())
            .map(Version),
        message: said.message().to_owned(),
    }
}
