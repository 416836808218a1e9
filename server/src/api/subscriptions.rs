//! Subscriptions as an operator sees them: `GET /api/subscriptions`, one of them, what can be ordered.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use highwater_model::{
    MoveBody, MovePlan, Position, Problem, Right, Subscription, SubscriptionBody,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json, not_negative};
use super::orders::{order, order_of, with_reason};
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(subscriptions))
        .routes(routes!(subscription, put_subscription, remove_subscription))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(plan))
        .routes(routes!(replay))
        .routes(routes!(skip))
}

/// All subscriptions, by name: how far each is, who reads, what failed.
#[utoipa::path(get, path = "/api/subscriptions", security(("login" = ["read"]), ("login" = ["look"])), tag = "subscriptions", responses((status = 200, body = Vec<Subscription>)))]
async fn subscriptions(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Vec<Subscription>>> {
    let all = state.store.subscriptions().await?;
    Ok(Json(sight::subscriptions(&caller.sight(), all)))
}

/// One subscription.
#[utoipa::path(get, path = "/api/subscriptions/{name}", security(("login" = ["read"])), tag = "subscriptions", params(("name" = String, Path)),
    responses((status = 200, body = Subscription), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn subscription(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> ApiResult<Json<Subscription>> {
    Ok(Json(now(&state, &caller, &name).await?))
}

/// A subscription as the caller sees it.
async fn now(state: &AppState, caller: &Caller, name: &str) -> ApiResult<Subscription> {
    let found = state.store.subscription(name).await?;
    Ok(sight::subscription(&caller.sight(), found))
}

/// Makes a subscription, or changes of one that is there what is given. To make it where it is does nothing, so a program may do that whenever it starts.
#[utoipa::path(put, path = "/api/subscriptions/{name}", security(("login" = ["operate"]), ("login" = ["subscribe"])), tag = "subscriptions", params(("name" = String, Path)), request_body = Option<SubscriptionBody>,
    responses((status = 201, description = "It is new", body = Subscription), (status = 200, description = "As it is now", body = Subscription),
              (status = 400, description = "bad_filter", body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "not_allowed: the filter asks for what you may not see", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_name, bad_subscription", body = Problem, content_type = "application/problem+json")))]
async fn put_subscription(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Response> {
    let sent = body(request, &state).await?;
    let wanted = if sent.is_empty() {
        SubscriptionBody::default()
    } else {
        json(&sent)?
    };
    // A filter is an answer, too: how much matches it. Members are given events whole.
    if !caller.may(Right::Subscribe) {
        sight::filter(&caller, wanted.filter.as_deref())?;
    }
    let order = order(&caller, None)?;
    let status = if state.store.put_subscription(&name, &wanted, &order).await? {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let now = now(&state, &caller, &name).await?;
    Ok((status, Json(now)).into_response())
}

/// Why it is removed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemoveParams {
    /// The audit log keeps it.
    reason: Option<String>,
}

/// Removes a subscription: its checkpoint and its parked events are gone, the log is not touched.
#[utoipa::path(delete, path = "/api/subscriptions/{name}", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "subscriptions", params(("name" = String, Path), RemoveParams),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn remove_subscription(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(params): Query<RemoveParams>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = with_reason(order(&caller, params.reason)?)?;
    state.store.remove_subscription(&name, &order).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives members nothing until it is resumed; what they have may still be acknowledged.
#[utoipa::path(post, path = "/api/subscriptions/{name}/pause", security(("login" = ["operate"])), tag = "subscriptions", params(("name" = String, Path)), request_body = Option<highwater_model::OrderBody>,
    responses((status = 200, description = "As it is now", body = Subscription), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is paused already", body = Problem, content_type = "application/problem+json")))]
async fn pause(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Subscription>> {
    let order = order_of(&caller, request, &state).await?;
    state.subscriptions.pause(&name, &order).await?;
    Ok(Json(now(&state, &caller, &name).await?))
}

/// Lets a paused subscription go on.
#[utoipa::path(post, path = "/api/subscriptions/{name}/resume", security(("login" = ["operate"])), tag = "subscriptions", params(("name" = String, Path)), request_body = Option<highwater_model::OrderBody>,
    responses((status = 200, description = "As it is now", body = Subscription), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is not paused", body = Problem, content_type = "application/problem+json")))]
async fn resume(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Subscription>> {
    let order = order_of(&caller, request, &state).await?;
    state.subscriptions.resume(&name, &order).await?;
    Ok(Json(now(&state, &caller, &name).await?))
}

/// Where to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PlanParams {
    /// A position: a replay would begin with it, a skip would end with it.
    position: i64,
}

/// What a move to a position would come to: a replay when the checkpoint is behind it, else a skip. Nothing is changed.
#[utoipa::path(get, path = "/api/subscriptions/{name}/plan", security(("login" = ["read"])), tag = "subscriptions", params(("name" = String, Path), PlanParams),
    responses((status = 200, body = MovePlan), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_subscription: no position of the log", body = Problem, content_type = "application/problem+json")))]
async fn plan(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(params): Query<PlanParams>,
) -> ApiResult<Json<MovePlan>> {
    let position = not_negative("position", Some(params.position))?.unwrap_or(0);
    let plan = state.store.plan_move(&name, Position(position)).await?;
    Ok(Json(plan))
}

/// Delivers again from a position on, with a reason. What is parked from there on is delivered anew, too.
#[utoipa::path(post, path = "/api/subscriptions/{name}/replay", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "subscriptions", params(("name" = String, Path)), request_body = MoveBody,
    responses((status = 200, description = "As it is now", body = Subscription), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is not that far yet", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing, bad_subscription", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn replay(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Subscription>> {
    let MoveBody { position, reason } = json(&body(request, &state).await?)?;
    let order = with_reason(order(&caller, reason)?)?;
    state.subscriptions.replay(&name, position, &order).await?;
    Ok(Json(now(&state, &caller, &name).await?))
}

/// Leaves out everything up to a position, with a reason. What is parked stays parked.
#[utoipa::path(post, path = "/api/subscriptions/{name}/skip", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "subscriptions", params(("name" = String, Path)), request_body = MoveBody,
    responses((status = 200, description = "As it is now", body = Subscription), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is behind that already", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing, bad_subscription", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn skip(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Subscription>> {
    let MoveBody { position, reason } = json(&body(request, &state).await?)?;
    let order = with_reason(order(&caller, reason)?)?;
    state.subscriptions.skip(&name, position, &order).await?;
    Ok(Json(now(&state, &caller, &name).await?))
}

/// There is no subscription of this name.
pub(super) fn unknown(name: &str) -> ApiError {
    ApiError::not_found(
        "subscription",
        format!(
            "There is no subscription {name:?}; GET /api/subscriptions lists them, PUT /api/subscriptions/{{name}} makes one."
        ),
    )
}
