//! Where an error of a read model becomes a problem.

use highwater_model::{DefinitionError, Problem};
use highwater_store::read_models::ReadModelError;

use super::problem::ApiError;

impl From<DefinitionError> for ApiError {
    fn from(error: DefinitionError) -> Self {
        let problem = Problem::new(
            422,
            "bad_definition",
            "The definition is not right",
            error.to_string(),
        )
        .with("line", error.line)
        .with("column", error.column)
        .with("message", error.message)
        .with("expected", error.expected);
        Self(match error.sqlstate {
            Some(sqlstate) => problem.with("sqlstate", sqlstate),
            None => problem,
        })
    }
}

impl From<ReadModelError> for ApiError {
    fn from(error: ReadModelError) -> Self {
        let detail = error.to_string();
        Self(match error {
            ReadModelError::Definition(error) => return error.into(),
            ReadModelError::Store(error) => return error.into(),
            ReadModelError::Unknown { name } => return unknown(&name),
            ReadModelError::Name(_) => {
                Problem::new(422, "bad_name", "The name is not right", detail)
            }
            ReadModelError::SchemaTaken { schema } => {
                Problem::new(409, "schema_taken", "The schema is taken", detail)
                    .with("schema", schema)
            }
            ReadModelError::NeedsAdministrator { statements } => Problem::new(
                409,
                "needs_administrator",
                "An administrator of the database has to act",
                detail,
            )
            .with("statements", statements),
            ReadModelError::UnknownJob { job_id } => {
                return ApiError::not_found(
                    "job",
                    format!("There is no job {job_id}; GET /api/jobs lists them."),
                );
            }
            ReadModelError::PlanStale { .. } => Problem::new(
                409,
                "plan_stale",
                "The plan is of another definition",
                detail,
            ),
            ReadModelError::NotCompared { .. } => {
                Problem::new(409, "diff_missing", "The shadow was not compared", detail)
            }
            ReadModelError::UnderMaintenance { maintenance } => {
                super::maintenance::is_on(&maintenance, detail)
            }
            ReadModelError::Refused(_) => Problem::new(
                409,
                "refused",
                "The read model is not where this order fits",
                detail,
            ),
            _ => {
                tracing::error!(error = %detail, "a request about read models failed inside");
                super::problem::internal()
            }
        })
    }
}

/// There is no read model of this name.
pub(super) fn unknown(name: &str) -> ApiError {
    ApiError::not_found(
        "read_model",
        format!(
            "There is no read model {name:?}; GET /api/read-models lists them, PUT /api/read-models/{{name}} makes one."
        ),
    )
}
