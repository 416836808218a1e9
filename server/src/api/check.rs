//! Trying a definition: `POST /api/read-models/{name}/check`.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use highwater_model::read_model_definition::check_name;
use highwater_model::{CheckDifference, CheckReport, Definition, Problem};
use highwater_store::read_models::ReadModelError;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, out_of_range};
use super::problem::ApiResult;
use super::read_model::definition_text;
use crate::caller::Caller;
use crate::identity::seen::Seen;
use crate::state::AppState;

/// Events that a definition is tried on, one by one among others.
const EVENTS: i64 = 1_000;
const EVENTS_MAX: i64 = 10_000;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check))
}

/// On what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CheckParams {
    /// On so many events, the first of the log that it handles: 1 to 10,000; 1,000 unless given.
    events: Option<i64>,
    /// What the random sizes follow from; 1 unless given.
    seed: Option<u64>,
}

/// Tries whether a definition's result depends on how the log is sliced: one by one, in slices of random sizes, in one slice. Nothing
/// of it is kept.
#[utoipa::path(post, path = "/api/read-models/{name}/check", security(("login" = ["define"])), tag = "read models", params(("name" = String, Path), CheckParams),
    request_body(content = String, content_type = "text/plain", description = "The definition's text"),
    responses((status = 200, body = CheckReport),
              (status = 403, description = "masked: it handles events with masked fields", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: the handler fails at an event", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_definition, bad_name", body = Problem, content_type = "application/problem+json")))]
async fn check(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(params): Query<CheckParams>,
    request: Request,
) -> ApiResult<Json<CheckReport>> {
    check_name(&name).map_err(ReadModelError::from)?;
    let events = match params.events {
        None => EVENTS,
        Some(events @ 1..=EVENTS_MAX) => events,
        Some(events) => return Err(out_of_range("events", events, "1 to 10000")),
    };
    let text = definition_text(request, &state).await?;
    let definition = Definition::parse(&name, &text)?;
    let seen = Seen::by(&state, &caller).await?;
    seen.trial(&definition.events)?;
    let most = i32::try_from(events).unwrap_or(i32::MAX);
    let report = state
        .store
        .check_slicing(&definition, most, params.seed.unwrap_or(1))
        .await?;
    Ok(Json(CheckReport {
        events: report.events,
        upto: report.upto,
        seed: report.seed,
        differences: report
            .differences
            .into_iter()
            .map(|found| CheckDifference {
                table: found.table,
                slicing: found.slicing.to_owned(),
                here: found.here,
                there: found.there,
                example: found.example,
            })
            .collect(),
    }))
}
