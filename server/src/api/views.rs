//! Saved views: `GET /api/views`, `POST /api/views`, `DELETE /api/views/{id}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{Problem, SavedView, SavedViewBody};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(views, save_view))
        .routes(routes!(remove_view))
}

/// Views of the console that the caller has saved, and those that others share.
#[utoipa::path(get, path = "/api/views", security(("login" = ["read"])), tag = "views", responses((status = 200, body = Vec<SavedView>)))]
async fn views(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Vec<SavedView>>> {
    let all = state.store.saved_views(&caller.name).await?;
    Ok(Json(sight::views(&caller, all)))
}

/// Saves a view. One of the caller's with the same page and name is replaced.
#[utoipa::path(post, path = "/api/views", security(("login" = ["read"])), tag = "views", request_body = SavedViewBody,
    responses((status = 200, body = SavedView), (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn save_view(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<SavedView>> {
    let view: SavedViewBody = json(&body(request, &state).await?)?;
    let order = order(&caller, None)?;
    Ok(Json(state.store.save_view(&view, &order).await?))
}

/// Removes a view that is the caller's or shared.
#[utoipa::path(delete, path = "/api/views/{id}", security(("login" = ["read"])), tag = "views", params(("id" = i64, Path)),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn remove_view(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, None)?;
    if state.store.remove_view(id, &order).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::not_found(
        "view",
        format!("There is no view {id} of yours or shared; GET /api/views lists them."),
    ))
}
