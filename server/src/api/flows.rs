//! Flows: `GET /api/flows`, `GET /api/flows/{correlation_id}`, `GET /api/flow-kinds`, `PUT /api/flow-rules/{kind}`.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use highwater_model::{
    Flow, FlowKind, FlowList, FlowOrder, FlowRule, FlowRuleBody, FlowShown, Position, Problem,
};
use highwater_store::flows::FlowQuery;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::extract::{Path, Query, body, json, limit, not_negative};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(flows))
        .routes(routes!(flow))
        .routes(routes!(flow_kinds))
        .routes(routes!(put_flow_rule))
}

/// Which flows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FlowsParams {
    /// Only those that begin with this type.
    kind: Option<String>,
    /// Only those in this state; `all` unless given.
    shown: Option<FlowShown>,
    /// The filter line: only those with an event that it lets through.
    filter: Option<String>,
    /// `newest` unless given.
    order: Option<FlowOrder>,
    /// `next` of the page before.
    cursor: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// Flows: the events of one correlation id each. Summarised beside the appends, a second behind them at most.
#[utoipa::path(get, path = "/api/flows", security(("login" = ["read"])), tag = "read", params(FlowsParams),
    responses((status = 200, body = FlowList), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "not_allowed: the filter asks for what you may not see", body = Problem, content_type = "application/problem+json")))]
async fn flows(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<FlowsParams>,
) -> ApiResult<Json<FlowList>> {
    let query = FlowQuery {
        kind: params.kind.filter(|kind| !kind.is_empty()),
        shown: params.shown.unwrap_or_default(),
        filter: sight::filter(&caller, params.filter.as_deref())?,
        order: params.order.unwrap_or_default(),
        cursor: not_negative("cursor", params.cursor)?.map(Position),
        limit: limit(params.limit)?,
    };
    Ok(Json(state.store.flows(query).await?))
}

/// One flow with its first 5,000 events, without their data, and the causes that are elsewhere or nowhere.
#[utoipa::path(get, path = "/api/flows/{correlation_id}", security(("login" = ["read"])), tag = "read", params(("correlation_id" = Uuid, Path)),
    responses((status = 200, body = Flow), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn flow(
    State(state): State<AppState>,
    Path(correlation_id): Path<Uuid>,
) -> ApiResult<Json<Flow>> {
    let found = state.store.flow(correlation_id).await?;
    found.map(Json).ok_or_else(|| {
        ApiError::not_found(
            "flow",
            format!("No event has the correlation id {correlation_id}; GET /api/flows lists the flows there are."),
        )
    })
}

/// Kinds of flows: what they begin with, their rules, how long their newest ones took, how many are unfinished.
#[utoipa::path(get, path = "/api/flow-kinds", security(("login" = ["read"])), tag = "read", responses((status = 200, body = Vec<FlowKind>)))]
async fn flow_kinds(State(state): State<AppState>) -> ApiResult<Json<Vec<FlowKind>>> {
    Ok(Json(state.store.flow_kinds().await?))
}

/// Writes when flows of a kind are finished, and when they are late; no `ends` takes the rule back. On record.
#[utoipa::path(put, path = "/api/flow-rules/{kind}", security(("login" = ["define"])), tag = "flows", params(("kind" = String, Path)), request_body = FlowRuleBody,
    responses((status = 200, description = "The rule as it is now; null: there is none", body = Option<FlowRule>),
              (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn put_flow_rule(
    State(state): State<AppState>,
    Path(kind): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Option<FlowRule>>> {
    let rule: FlowRuleBody = json(&body(request, &state).await?)?;
    let order = order(&caller, rule.reason.clone())?;
    Ok(Json(state.store.set_flow_rule(&kind, &rule, &order).await?))
}
