//! The store as a whole: `GET /api/store`, `GET /api/store/sizes`, `GET /api/store/checks`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{StoreCheck, StoreFacts, StoreSizes};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::ApiResult;
use crate::caller::Caller;
use crate::checks;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(store))
        .routes(routes!(sizes))
        .routes(routes!(checks))
}

/// The mark, what holds it, sizes, rates.
#[utoipa::path(get, path = "/api/store", security(("login" = ["read"])), tag = "operate", responses((status = 200, body = StoreFacts)))]
async fn store(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<StoreFacts>> {
    let mut facts = state.store.facts().await?;
    facts.embedded = state.data_dir.is_some();
    // The store knows where the mark stands, the feed how fast it moves.
    facts.mark.rate = state.feed.mark().rate;
    let looked = state.feed.health().seen.as_millis();
    facts.tail.looked_ms_ago = i64::try_from(looked).unwrap_or(i64::MAX);
    env!("CARGO_PKG_VERSION").clone_into(&mut facts.highwater);
    Ok(Json(sight::store(&caller.sight(), facts)))
}

/// Sizes of the store's tables and indexes, how much the log grew within a day, connections.
#[utoipa::path(get, path = "/api/store/sizes", security(("login" = ["read"])), tag = "operate", responses((status = 200, body = StoreSizes)))]
async fn sizes(State(state): State<AppState>) -> ApiResult<Json<StoreSizes>> {
    Ok(Json(state.store.sizes().await?))
}

/// Whether the store is well: each check with what was found and what to do, the worst first. `highwater doctor` tells the same.
#[utoipa::path(get, path = "/api/store/checks", security(("login" = ["read"])), tag = "operate", responses((status = 200, body = Vec<StoreCheck>)))]
async fn checks(State(state): State<AppState>) -> ApiResult<Json<Vec<StoreCheck>>> {
    Ok(Json(checks::all(&state).await?))
}
