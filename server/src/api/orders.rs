//! What an operator orders: `POST …/pause`, `…/resume`; and what every order has to say.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use highwater_model::{OrderBody, Problem, ReadModel};
use highwater_store::read_models::Order;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json};
use super::problem::{ApiError, ApiResult};
use super::read_model::known_name;
use crate::caller::Caller;
use crate::identity::seen::{self, ordered};
use crate::state::AppState;

/// A reason is a sentence or two; the audit log keeps it for ever.
const REASON_CHARS: usize = 1_000;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(pause))
        .routes(routes!(resume))
}

/// Who orders, and why; an empty reason is none.
pub(crate) fn order(caller: &Caller, reason: Option<String>) -> ApiResult<Order> {
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
    let order = Order::new(&*caller.name, reason.as_deref());
    Ok(order.approved(caller.approved.clone()))
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
#[utoipa::path(post, path = "/api/read-models/{name}/pause", security(("login" = ["operate"])), tag = "read models", params(("name" = String, Path)), request_body = Option<OrderBody>,
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
    let pause = state.read_models.pause(&name, &order);
    ordered(&state, &caller, &name, pause).await?;
    Ok(Json(seen::read_model(&state, &caller, &name).await?))
}

/// Lets a paused or faulted read model go on.
#[utoipa::path(post, path = "/api/read-models/{name}/resume", security(("login" = ["operate"])), tag = "read models", params(("name" = String, Path)), request_body = Option<OrderBody>,
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
    let resume = state.read_models.resume(&name, &order);
    ordered(&state, &caller, &name, resume).await?;
    Ok(Json(seen::read_model(&state, &caller, &name).await?))
}
