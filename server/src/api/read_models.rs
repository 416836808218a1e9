//! Read models: `GET /api/read-models`.

use axum::Json;
use axum::extract::State;
use highwater_model::ReadModel;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::ApiResult;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read_models))
}

/// Every read model, by name: state, checkpoint, lag, rate, trend, versions, the event that it stands on.
#[utoipa::path(get, path = "/api/read-models", tag = "read models", responses((status = 200, body = Vec<ReadModel>)))]
async fn read_models(State(state): State<AppState>) -> ApiResult<Json<Vec<ReadModel>>> {
    Ok(Json(state.store.read_models().await?))
}
