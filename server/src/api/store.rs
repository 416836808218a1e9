//! The store as a whole: `GET /api/store`, `GET /api/store/sizes`.

use axum::Json;
use axum::extract::State;
use highwater_model::{StoreFacts, StoreSizes};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::ApiResult;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(store))
        .routes(routes!(sizes))
}

/// The mark, what holds it, sizes, rates.
#[utoipa::path(get, path = "/api/store", tag = "operate", responses((status = 200, body = StoreFacts)))]
async fn store(State(state): State<AppState>) -> ApiResult<Json<StoreFacts>> {
    let mut facts = state.store.facts().await?;
    facts.embedded = state.embedded;
    // The store knows where the mark stands, the feed how fast it moves.
    facts.mark.rate = state.feed.mark().rate;
    env!("CARGO_PKG_VERSION").clone_into(&mut facts.highwater);
    Ok(Json(facts))
}

/// Sizes of the store's tables and indexes, how much the log grew within a day, connections.
#[utoipa::path(get, path = "/api/store/sizes", tag = "operate", responses((status = 200, body = StoreSizes)))]
async fn sizes(State(state): State<AppState>) -> ApiResult<Json<StoreSizes>> {
    Ok(Json(state.store.sizes().await?))
}
