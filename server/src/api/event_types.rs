//! Event types: `GET /api/types`, `GET /api/types/{type}`, `GET /api/new-shapes`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{EventTypeSummary, NewShapes, Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::Path;
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::sight;
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
async fn event_types(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Vec<EventTypeSummary>>> {
    let mut all = state.store.event_types().await?;
    let sight = caller.sight();
    for one in &mut all {
        sight::shape(&sight, &one.event_type, &mut one.shape);
    }
    Ok(Json(all))
}

/// One type, with what its data has since yesterday and had not before.
#[utoipa::path(get, path = "/api/types/{type}", security(("login" = ["read"])), tag = "read", params(("type" = String, Path)),
    responses((status = 200, body = EventTypeSummary), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn event_type(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> ApiResult<Json<EventTypeSummary>> {
    let found = state.store.event_type(&name).await?;
    let mut found = found.ok_or_else(|| {
        ApiError::not_found(
            "event_type",
            format!("No event has the type {name}; GET /api/types lists the ones there are."),
        )
    })?;
    sight::shape(&caller.sight(), &name, &mut found.shape);
    Ok(Json(found))
}

/// What events have since yesterday and had not before, by type: of the 200 types with the newest events.
#[utoipa::path(get, path = "/api/new-shapes", security(("login" = ["read"])), tag = "read", responses((status = 200, body = Vec<NewShapes>)))]
async fn new_shapes(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Vec<NewShapes>>> {
    let mut all = state.store.new_shapes().await?;
    let sight = caller.sight();
    all.retain_mut(|one| {
        sight::shape(&sight, &one.event_type, &mut one.shape);
        !one.shape.is_empty()
    });
    Ok(Json(all))
}
