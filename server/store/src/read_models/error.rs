//! What can go wrong with read models.

use highwater_model::read_model_definition::NameError;
use highwater_model::{DefinitionError, Maintenance};

use crate::{StoreError, maintenance};

/// What went wrong with a read model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadModelError {
    /// The definition can't be used.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The name can't be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is none of this name.
    #[error("there is no read model {name}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// There is no job with this id.
    #[error("there is no job {job_id}")]
    UnknownJob {
        /// The id.
        job_id: i64,
    },
    /// The plan that came with the order was made for another version.
    #[error(
        "the definition of {name} was changed since the plan was made; nothing was begun: plan it again"
    )]
    PlanStale {
        /// The read model.
        name: String,
    },
    /// Nobody has looked lately at what a promotion would change.
    #[error(
        "the shadow of {name} was not compared with the live one in the last half hour; look at the diff first"
    )]
    NotCompared {
        /// The read model.
        name: String,
    },
    /// A schema of this name is there that Highwater did not make.
    #[error(
        "the database has a schema {schema} that does not belong to this read model; rename one of them"
    )]
    SchemaTaken {
        /// The schema.
        schema: String,
    },
    /// The database's user may not create the role that would run the SQL.
    #[error(
        "an administrator of the database has to run this once: {}",
        statements.join(" ")
    )]
    NeedsAdministrator {
        /// Statements for an administrator.
        statements: Vec<String>,
    },
    /// No checkpoint moves while maintenance is on.
    #[error(
        "maintenance is on, {}; nothing was changed: end it first (DELETE /api/maintenance), or wait for its end",
        maintenance::since_when(maintenance)
    )]
    UnderMaintenance {
        /// The one that is on.
        maintenance: Maintenance,
    },
    /// The order does not fit the state that the read model is in.
    #[error("{0}")]
    Refused(String),
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody else holds what an order needs.
const BUSY: &str = "the read model is in the middle of a slice; try again in a few seconds";

impl ReadModelError {
    /// The next attempt may well succeed.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Refused(why) if why == BUSY)
    }
}

impl From<sqlx::Error> for ReadModelError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        if matches!(code.as_deref(), Some("55P03" | "40P01")) {
            return Self::Refused(BUSY.to_owned());
        }
        Self::Store(error.into())
    }
}
