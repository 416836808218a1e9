//! One stream: `GET /api/streams/{stream}`, `GET /api/streams/{stream}/events`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{Problem, StreamName, StreamPage, StreamSummary, Version};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::events::Way;
use super::extract::{Path, Query, limit, not_negative, shorten};
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(stream))
        .routes(routes!(read_stream))
}

/// Which part of the stream.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamParams {
    /// The first version, inclusive; the oldest (forward) or newest (backward) unless given.
    from: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
    /// `forward` unless given.
    direction: Option<Way>,
    /// Data of more than so many bytes, 1,000 at least, is given in short, and `data_bytes` says how many it has.
    shorten: Option<i64>,
}

/// One stream's facts.
#[utoipa::path(get, path = "/api/streams/{stream}", security(("login" = ["read"])), tag = "read", params(("stream" = String, Path)),
    responses((status = 200, body = StreamSummary), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn stream(
    State(state): State<AppState>,
    Path(stream): Path<String>,
) -> ApiResult<Json<StreamSummary>> {
    let stream = StreamName::new(stream)?;
    state
        .store
        .stream(&stream)
        .await?
        .map(Json)
        .ok_or_else(|| missing(&stream))
}

/// One stream's events by version.
#[utoipa::path(get, path = "/api/streams/{stream}/events", security(("login" = ["read"])), tag = "read", params(("stream" = String, Path), StreamParams),
    responses((status = 200, body = StreamPage), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn read_stream(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
    Query(params): Query<StreamParams>,
) -> ApiResult<Json<StreamPage>> {
    let stream = StreamName::new(stream)?;
    let from = not_negative("from", params.from)?.map(Version);
    let limit = limit(params.limit)?;
    let direction = params.direction.unwrap_or_default().into();
    let shorten = shorten(params.shorten)?;
    let page = state
        .store
        .read_stream(&stream, from, limit, direction)
        .await?;
    let mut page = page.ok_or_else(|| missing(&stream))?;
    page.events = sight::all(&caller.sight(), page.events);
    if let Some(bytes) = shorten {
        page.events
            .iter_mut()
            .for_each(|event| event.shorten(bytes));
    }
    Ok(Json(page))
}

pub(super) fn missing(stream: &StreamName) -> ApiError {
    ApiError::not_found(
        "stream",
        format!("There is no stream {stream}; GET /api/streams?query=… finds the ones there are."),
    )
}
