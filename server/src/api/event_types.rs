//! Event types: `GET /api/types`.

use axum::Json;
use axum::extract::State;
use highwater_model::EventTypeSummary;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::ApiResult;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(event_types))
}

/// Counts, first and last seen, shapes.
#[utoipa::path(get, path = "/api/types", tag = "read", responses((status = 200, body = Vec<EventTypeSummary>)))]
async fn event_types(State(state): State<AppState>) -> ApiResult<Json<Vec<EventTypeSummary>>> {
    Ok(Json(state.store.event_types().await?))
}
