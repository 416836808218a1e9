//! Finding by name, id or position: `GET /api/find`.

use axum::Json;
use axum::extract::State;
use highwater_model::{FindAnswer, Problem};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::Query;
use super::problem::ApiResult;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(find))
}

/// What to find.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FindParams {
    /// A part of a name, an id or its first six letters, a position.
    text: String,
}

/// Streams, events, flows, read models, types and categories that a text names, the best first.
#[utoipa::path(get, path = "/api/find", security(("login" = ["read"])), tag = "read", params(FindParams),
    responses((status = 200, body = FindAnswer), (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn find(
    State(state): State<AppState>,
    Query(params): Query<FindParams>,
) -> ApiResult<Json<FindAnswer>> {
    Ok(Json(state.store.find(&params.text).await?))
}
