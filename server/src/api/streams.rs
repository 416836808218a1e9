//! Streams: `GET /api/streams`.

use axum::Json;
use axum::extract::State;
use highwater_model::{Problem, StreamList, StreamOrder};
use highwater_store::StreamQuery;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Query, limit};
use super::problem::ApiResult;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(streams))
}

/// Which streams.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamsParams {
    /// Part of the name.
    query: Option<String>,
    /// One category.
    category: Option<String>,
    /// `active` (newest activity first) unless given, or `name`.
    order: Option<StreamOrder>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Finds streams.
#[utoipa::path(get, path = "/api/streams", security(("login" = ["read"])), tag = "read", params(StreamsParams),
    responses((status = 200, body = StreamList), (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn streams(
    State(state): State<AppState>,
    Query(params): Query<StreamsParams>,
) -> ApiResult<Json<StreamList>> {
    let query = StreamQuery {
        query: params.query.filter(|text| !text.is_empty()),
        category: params.category.filter(|text| !text.is_empty()),
        order: params.order.unwrap_or_default(),
        limit: limit(params.limit)?,
        cursor: params.cursor,
    };
    Ok(Json(state.store.streams(query).await?))
}
