//! What an operator orders: `POST …/pause`, `…/resume`, `…/failures/{position}/retry`, `…/skip`; and `GET …/failures`.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use highwater_model::{Failure, OrderBody, Position, Problem, ReadModel, VersionRole};
use highwater_store::read_models::Order;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json, limit, not_negative};
use super::problem::{ApiError, ApiResult};
use super::read_model::{known_name, live_version};
use crate::caller::Caller;
use crate::state::AppState;

/// A reason is a sentence or two; the audit log keeps it for ever.
const REASON_CHARS: usize = 1_000;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(failures))
        .routes(routes!(retry))
        .routes(routes!(skip))
}

/// Who orders, and why; an empty reason is none.
pub(super) fn order(caller: &Caller, reason: Option<String>) -> ApiResult<Order> {
    let reason = reason.map(|reason| reason.trim().to_owned());
    let reason = reason.filter(|reason| !reason.is_empty());
    if let Some(reason) = &reason
        && (reason.contains('\0') || reason.chars().count() > REASON_CHARS)
    {
        return Err(ApiError(Problem::new(
            422,
            "bad_reason",
            "The reason is not right",
            format!("A reason has up to {REASON_CHARS} characters, and no NUL; say it shorter."),
        )));
    }
    Ok(Order::new(&*caller.name, reason.as_deref()))
}

/// An order that needs a reason, and has one.
pub(super) fn with_reason(order: Order) -> ApiResult<Order> {
    if order.reason.is_some() {
        return Ok(order);
    }
    Err(ApiError(
        Problem::new(
            422,
            "reason_missing",
            "A reason is missing",
            "This is done with a reason only, which the audit log keeps; send {\"reason\": \"…\"}.",
        )
        .with("field", "reason"),
    ))
}

/// The order in a request; no body is no reason.
pub(super) async fn order_of(
    caller: &Caller,
    request: Request,
    state: &AppState,
) -> ApiResult<Order> {
    let body = body(request, state).await?;
    let OrderBody { reason } = if body.is_empty() {
        OrderBody::default()
    } else {
        json(&body)?
    };
    order(caller, reason)
}

/// Pauses a read model: no slice begins until it is resumed.
#[utoipa::path(post, path = "/api/read-models/{name}/pause", tag = "read models", params(("name" = String, Path)), request_body = Option<OrderBody>,
    responses((status = 200, description = "As it is now", body = ReadModel),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is paused already", body = Problem, content_type = "application/problem+json")))]
async fn pause(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ReadModel>> {
    known_name(&name)?;
    let order = order_of(&caller, request, &state).await?;
    state.read_models.pause(&name, &order).await?;
    Ok(Json(state.store.read_model(&name).await?))
}

/// Lets a paused or faulted read model go on.
#[utoipa::path(post, path = "/api/read-models/{name}/resume", tag = "read models", params(("name" = String, Path)), request_body = Option<OrderBody>,
    responses((status = 200, description = "As it is now", body = ReadModel),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is not paused, or stands on an event", body = Problem, content_type = "application/problem+json")))]
async fn resume(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ReadModel>> {
    known_name(&name)?;
    let order = order_of(&caller, request, &state).await?;
    state.read_models.resume(&name, &order).await?;
    Ok(Json(state.store.read_model(&name).await?))
}

/// Which failures.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FailuresParams {
    /// Only positions smaller than this: the last one of the page before.
    before: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// Events that it could not handle, the newest first, whatever became of them.
#[utoipa::path(get, path = "/api/read-models/{name}/failures", tag = "read models", params(("name" = String, Path), FailuresParams),
    responses((status = 200, body = Vec<Failure>), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn failures(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(params): Query<FailuresParams>,
) -> ApiResult<Json<Vec<Failure>>> {
    known_name(&name)?;
    let before = not_negative("before", params.before)?.map(Position);
    let limit = limit(params.limit)?;
    live_version(&state, &name).await?;
    let failures = state.store.failures(
        &name,
        VersionRole::Live,
        before,
        i64::try_from(limit).unwrap_or(100),
    );
    Ok(Json(failures.await?))
}

/// Tries the event again that the read model stands on.
#[utoipa::path(post, path = "/api/read-models/{name}/failures/{position}/retry", tag = "read models",
    params(("name" = String, Path), ("position" = i64, Path)), request_body = Option<OrderBody>,
    responses((status = 200, description = "As it is now", body = ReadModel),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it does not stand on this event", body = Problem, content_type = "application/problem+json")))]
async fn retry(
    State(state): State<AppState>,
    Path((name, position)): Path<(String, i64)>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ReadModel>> {
    known_name(&name)?;
    let order = order_of(&caller, request, &state).await?;
    state
        .read_models
        .retry(&name, VersionRole::Live, Position(position), &order)
        .await?;
    Ok(Json(state.store.read_model(&name).await?))
}

/// Leaves out the event that the read model stands on, with a reason.
#[utoipa::path(post, path = "/api/read-models/{name}/failures/{position}/skip", tag = "read models",
    params(("name" = String, Path), ("position" = i64, Path)), request_body = OrderBody,
    responses((status = 200, description = "As it is now", body = ReadModel),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it does not stand on this event", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json")))]
async fn skip(
    State(state): State<AppState>,
    Path((name, position)): Path<(String, i64)>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ReadModel>> {
    known_name(&name)?;
    let order = with_reason(order_of(&caller, request, &state).await?)?;
    state
        .read_models
        .skip(&name, VersionRole::Live, Position(position), &order)
        .await?;
    Ok(Json(state.store.read_model(&name).await?))
}
