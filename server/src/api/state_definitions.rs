//! State definitions: `GET /api/state-definitions`, one of them, and trying a text on a stream.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{
    DefinitionError, KeptStateDefinition, Problem, StateDefinition, StateTryBody, StreamState,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use super::read_model::definition_text;
use crate::caller::Caller;
use crate::identity::seen_states;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(state_definitions))
        .routes(routes!(
            state_definition,
            put_state_definition,
            delete_state_definition
        ))
        .routes(routes!(try_state_definition))
}

/// What an event makes of the state of a stream, by category; a category without a definition has its events' data merged.
#[utoipa::path(get, path = "/api/state-definitions", security(("login" = ["read"])), tag = "read", responses((status = 200, body = Vec<KeptStateDefinition>)))]
async fn state_definitions(
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<KeptStateDefinition>>> {
    Ok(Json(state.store.state_definitions().await?))
}

/// The state definition of a category.
#[utoipa::path(get, path = "/api/state-definitions/{category}", security(("login" = ["read"])), tag = "read", params(("category" = String, Path)),
    responses((status = 200, body = KeptStateDefinition), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn state_definition(
    State(state): State<AppState>,
    Path(category): Path<String>,
) -> ApiResult<Json<KeptStateDefinition>> {
    let found = state.store.state_definition(&category).await?;
    found
        .map(|(_, definition)| Json(definition))
        .ok_or_else(|| missing(&category))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReasonParams {
    /// Why; the audit log keeps it.
    reason: Option<String>,
}

/// Takes in a state definition; the states of the category's streams are by it from then on. An error carries its `line` and `column`.
#[utoipa::path(put, path = "/api/state-definitions/{category}", security(("login" = ["define"])), extensions(("x-confirm" = json!("category"))), tag = "states", params(("category" = String, Path), ReasonParams),
    request_body(content = String, content_type = "text/plain", description = "The definition's text"),
    responses((status = 200, body = KeptStateDefinition),
              (status = 409, description = "needs_administrator, refused", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_definition", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn put_state_definition(
    State(state): State<AppState>,
    Path(category): Path<String>,
    Query(params): Query<ReasonParams>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<KeptStateDefinition>> {
    let order = order(&caller, params.reason)?;
    let text = definition_text(request, &state).await?;
    let definition = of_category(&text, &category)?;
    let set = state.store.set_state_definition(&definition, &order);
    Ok(Json(set.await?))
}

/// Takes a state definition back; the events' data are merged again.
#[utoipa::path(delete, path = "/api/state-definitions/{category}", security(("login" = ["define"])), extensions(("x-confirm" = json!("category"))), tag = "states", params(("category" = String, Path), ReasonParams),
    responses((status = 204, description = "It is gone"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn delete_state_definition(
    State(state): State<AppState>,
    Path(category): Path<String>,
    Query(params): Query<ReasonParams>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, params.reason)?;
    if state
        .store
        .remove_state_definition(&category, &order)
        .await?
    {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing(&category))
    }
}

/// The state of a stream by a definition that is kept nowhere.
#[utoipa::path(post, path = "/api/state-definitions/{category}/try", security(("login" = ["define"])), tag = "states", params(("category" = String, Path)), request_body = StateTryBody,
    responses((status = 200, body = StreamState),
              (status = 403, description = "masked: the stream has events with masked fields", body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "needs_administrator, refused", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_definition: its SQL is wrong, or it fails at an event", body = Problem, content_type = "application/problem+json")))]
async fn try_state_definition(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(category): Path<String>,
    request: Request,
) -> ApiResult<Json<StreamState>> {
    let asked: StateTryBody = json(&body(request, &state).await?)?;
    let definition = of_category(&asked.text, &category)?;
    if asked.stream.category() != category {
        return Err(ApiError(Problem::new(
            422,
            "other_category",
            "The stream is of another category",
            format!(
                "{} is no stream of {category}; a definition is tried on a stream whose name begins with {category}-.",
                asked.stream
            ),
        )));
    }
    let tried = state
        .states
        .by_trial(&definition, &asked.stream, asked.version);
    let tried = tried.await;
    // An error may quote an event as well.
    seen_states::by_definition(&state, &caller, &asked.stream).await?;
    Ok(Json(seen_states::state(&state, &caller, tried?).await?))
}

/// The definition of a text, which is the category's.
fn of_category(text: &str, category: &str) -> ApiResult<StateDefinition> {
    let definition = StateDefinition::parse(text)?;
    if definition.category != category {
        let at = text.find("highwater:").unwrap_or(0);
        let message = format!(
            "the definition is of {:?}, and this is the place of {category:?}",
            definition.category
        );
        return Err(DefinitionError::at(text, at, message).into());
    }
    Ok(definition)
}

fn missing(category: &str) -> ApiError {
    ApiError::not_found(
        "state_definition",
        format!(
            "The category {category:?} has no state definition; GET /api/state-definitions lists those there are, PUT /api/state-definitions/{{category}} makes one."
        ),
    )
}
