//! Read models: `GET /api/read-models`, `GET /api/definitions/refused`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{ReadModel, RefusedDefinition};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::ApiResult;
use crate::caller::Caller;
use crate::identity::seen::Seen;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_models))
        .routes(routes!(refused_definitions))
}

/// Every read model, by name: state, checkpoint, lag, rate, trend, versions, the event that it stands on.
#[utoipa::path(get, path = "/api/read-models", security(("login" = ["read"]), ("login" = ["look"])), tag = "read models", responses((status = 200, body = Vec<ReadModel>)))]
async fn read_models(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Vec<ReadModel>>> {
    let all = state.store.read_models().await?;
    let seen = Seen::by(&state, &caller).await?;
    Ok(Json(seen.read_models(all)))
}

/// Definitions of the watched folder (`--read-models`) that this server refused, by name; empty when there are none, or no folder.
#[utoipa::path(get, path = "/api/definitions/refused", security(("login" = ["read"])), tag = "read models", responses((status = 200, body = Vec<RefusedDefinition>)))]
async fn refused_definitions(State(state): State<AppState>) -> Json<Vec<RefusedDefinition>> {
    let problems = state.read_models.folder_problems().into_iter();
    Json(
        problems
            .map(|(name, problem)| RefusedDefinition { name, problem })
            .collect(),
    )
}
