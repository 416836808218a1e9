//! Who handles what, and emits what then: `GET /api/flow-map`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{FlowMap, Problem, Span};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Query, time_range};
use super::problem::ApiResult;
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(flow_map))
}

/// Over which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FlowMapParams {
    /// RFC 3339; 15 minutes before `until` unless given.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// RFC 3339; now unless given.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// So long before `until`, instead of `since`.
    range: Option<Span>,
}

/// Which service handles which types, and what it emits then, with rates and times: learned from the causes of the newest 10,000 events of that time.
#[utoipa::path(get, path = "/api/flow-map", security(("login" = ["read"]), ("login" = ["look"])), tag = "read", params(FlowMapParams),
    responses((status = 200, body = FlowMap), (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn flow_map(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<FlowMapParams>,
) -> ApiResult<Json<FlowMap>> {
    let until = params.until.unwrap_or_else(|| state.store.clock().now());
    let before = |span: Span| until.checked_sub(SignedDuration::from_secs(span.seconds()));
    let since = params
        .since
        .or(params.range.and_then(|span| before(span).ok()));
    let range = time_range(&state, since, Some(until))?;
    let (since, until) = sight::range(&caller, range)?;
    let map = state.store.flow_map(since, until).await?;
    Ok(Json(sight::flow_map(&caller.sight(), map)))
}
