//! Categories: `GET /api/categories`.

use axum::Json;
use axum::extract::State;
use highwater_model::CategorySummary;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::ApiResult;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(categories))
}

/// Counts, first and last seen.
#[utoipa::path(get, path = "/api/categories", security(("login" = ["read"])), tag = "read", responses((status = 200, body = Vec<CategorySummary>)))]
async fn categories(State(state): State<AppState>) -> ApiResult<Json<Vec<CategorySummary>>> {
    Ok(Json(state.store.categories().await?))
}
