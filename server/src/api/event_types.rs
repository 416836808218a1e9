//! Event types: `GET /api/types`, `GET /api/types/{type}`, `GET /api/new-shapes`.

use axum::Json;
use axum::extract::State;
use highwater_model::{EventTypeSummary, NewShapes, Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::Path;
use super::problem::{ApiError, ApiResult};
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(event_types))
        .routes(routes!(event_type))
        .routes(routes!(new_shapes))
}

/// Counts, first and last seen, shapes.
#[utoipa::path(get, path = "/api/types", security(("login" = ["read"])), tag = "read", responses((status = 200, body = Vec<EventTypeSummary>)))]
async fn event_types(State(state): State<AppState>) -> ApiResult<Json<Vec<EventTypeSummary>>> {
    Ok(Json(state.store.event_types().await?))
}

/// One type, with what its data has since yesterday and had not before.
#[utoipa::path(get, path = "/api/types/{type}", security(("login" = ["read"])), tag = "read", params(("type" = String, Path)),
    responses((status = 200, body = EventTypeSummary), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn event_type(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> ApiResult<Json<EventTypeSummary>> {
    let found = state.store.event_type(&name).await?;
    found.map(Json).ok_or_else(|| {
        ApiError::not_found(
            "event_type",
            format!("No event has the type {name}; GET /api/types lists the ones there are."),
        )
    })
}

/// What events have since yesterday and had not before, by type: of the 200 types with the newest events.
#[utoipa::path(get, path = "/api/new-shapes", security(("login" = ["read"])), tag = "read", responses((status = 200, body = Vec<NewShapes>)))]
async fn new_shapes(State(state): State<AppState>) -> ApiResult<Json<Vec<NewShapes>>> {
    Ok(Json(state.store.new_shapes().await?))
}
