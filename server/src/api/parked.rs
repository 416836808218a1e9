//! Events that a subscription's members could not handle: `GET …/parked`, `POST …/parked/retry`, `…/drop`.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use highwater_model::{ParkedAnswer, ParkedBody, ParkedEvent, Position, Problem};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json, limit, not_negative};
use super::orders::{order, with_reason};
use super::problem::ApiResult;
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(parked))
        .routes(routes!(retry_parked))
        .routes(routes!(drop_parked))
}

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ParkedParams {
    /// Only positions greater than this: the last one of the page before.
    after: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// Events that failed too often, the oldest first.
#[utoipa::path(get, path = "/api/subscriptions/{name}/parked", security(("login" = ["read"])), tag = "subscriptions", params(("name" = String, Path), ParkedParams),
    responses((status = 200, body = Vec<ParkedEvent>), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn parked(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(params): Query<ParkedParams>,
) -> ApiResult<Json<Vec<ParkedEvent>>> {
    let after = not_negative("after", params.after)?.map(Position);
    let limit = i64::try_from(limit(params.limit)?).unwrap_or(100);
    let parked = state.store.parked_events(&name, after, limit).await?;
    let filter = state.store.subscription(&name).await?.filter;
    Ok(Json(sight::parked(&caller.sight(), &filter, parked)))
}

async fn wanted(request: Request, state: &AppState) -> ApiResult<ParkedBody> {
    let sent = body(request, state).await?;
    if sent.is_empty() {
        return Ok(ParkedBody::default());
    }
    json(&sent)
}

/// Delivers parked events again, as if they had never failed: those that are named, or the oldest thousand.
#[utoipa::path(post, path = "/api/subscriptions/{name}/parked/retry", security(("login" = ["operate"])), tag = "subscriptions", params(("name" = String, Path)), request_body = Option<ParkedBody>,
    responses((status = 200, body = ParkedAnswer), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: none of them is parked", body = Problem, content_type = "application/problem+json")))]
async fn retry_parked(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ParkedAnswer>> {
    let wanted = wanted(request, &state).await?;
    let order = order(&caller, wanted.reason)?;
    let events = state
        .subscriptions
        .retry_parked(&name, wanted.positions.as_deref(), &order)
        .await?;
    Ok(Json(ParkedAnswer { events }))
}

/// Leaves parked events out for good, with a reason: those that are named, or all.
#[utoipa::path(post, path = "/api/subscriptions/{name}/parked/drop", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "subscriptions", params(("name" = String, Path)), request_body = ParkedBody,
    responses((status = 200, body = ParkedAnswer), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: none of them is parked", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn drop_parked(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ParkedAnswer>> {
    let wanted = wanted(request, &state).await?;
    let order = with_reason(order(&caller, wanted.reason)?)?;
    let events = state
        .store
        .drop_parked(&name, wanted.positions.as_deref(), &order)
        .await?;
    Ok(Json(ParkedAnswer { events }))
}
