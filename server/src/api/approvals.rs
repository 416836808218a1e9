//! Orders that wait for a second person: `GET /api/approvals`, one of them, `…/approve`, `…/decline`, and `DELETE` by whoever asked.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{Approval, ApprovalState, CarriedOut, DecideBody, Problem, Right};
use highwater_store::approvals::KeptOrder;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::approval::{Carried, Orders, may_not_decide, shown};
use crate::state::AppState;

/// Approvals that are answered at once.
const LISTED: i64 = 200;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(approvals))
        .routes(routes!(approval, withdraw))
        .routes(routes!(decline))
}

/// Calls of this area that last: an order may.
pub fn lasting_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(approve))
}

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ApprovalsParams {
    /// Only those that wait, without what was sent along: for who counts them.
    open: Option<bool>,
}

/// Orders that wait for a second person, the oldest first; then those that are over, the newest first, without what was sent along; 200 at
/// most. Who may not read sees what they have asked for themselves.
#[utoipa::path(get, path = "/api/approvals", security(("login" = ["read"]), ("login" = ["operate"]), ("login" = ["define"]), ("login" = ["administer"])), tag = "approvals", params(ApprovalsParams), responses((status = 200, body = Vec<Approval>)))]
async fn approvals(
    State(state): State<AppState>,
    Query(params): Query<ApprovalsParams>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Vec<Approval>>> {
    let all = if params.open == Some(true) {
        state.store.open_approvals(LISTED).await?
    } else {
        state.store.approvals(LISTED).await?
    };
    let all = all.into_iter().map(|one| shown(&caller, one));
    Ok(Json(all.filter(|one| sees(&caller, one)).collect()))
}

/// Whether they are told of it: a program that may order, and not read, follows its own.
fn sees(caller: &Caller, shown: &Approval) -> bool {
    shown.is_mine || caller.may(Right::Read)
}

/// One order that waits, or did. Who may not read sees what they have asked for themselves.
#[utoipa::path(get, path = "/api/approvals/{id}", security(("login" = ["read"]), ("login" = ["operate"]), ("login" = ["define"]), ("login" = ["administer"])), tag = "approvals", params(("id" = i64, Path)),
    responses((status = 200, body = Approval), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn approval(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Approval>> {
    let approval = shown(&caller, known(&state, id).await?.approval);
    if sees(&caller, &approval) {
        Ok(Json(approval))
    } else {
        Err(unknown(id))
    }
}

/// Agrees to an order, which is carried out at once, as whoever asked for it. It takes another person, who may give that order too. The
/// answer says how it ended: `done`, or `failed` with the refusal.
#[utoipa::path(post, path = "/api/approvals/{id}/approve", security(("login" = ["operate"]), ("login" = ["define"]), ("login" = ["administer"])), tag = "approvals", params(("id" = i64, Path)), request_body = Option<DecideBody>,
    responses((status = 200, description = "How it ended", body = CarriedOut),
              (status = 403, description = "not_allowed: they may not, or it is their own", body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it does not wait any more; no_approval: this server takes none", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_reason", body = Problem, content_type = "application/problem+json")))]
async fn approve(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
    Extension(orders): Extension<Orders>,
    request: Request,
) -> ApiResult<Json<CarriedOut>> {
    let comment = comment(request, &state).await?;
    let kept = known(&state, id).await?;
    let approvals = state.approvals.as_ref().ok_or_else(no_approval)?;
    if let Some(problem) = may_not_decide(&caller, &kept.approval) {
        return Err(ApiError(problem));
    }
    let agreed = order(&caller, comment)?;
    let carried = approvals.carry_out(kept, &caller, agreed, orders, &state);
    let Carried::Out(answer) = carried.await? else {
        return Err(not_open(&state, id).await);
    };
    let approval = shown(&caller, known(&state, id).await?.approval);
    Ok(Json(CarriedOut { approval, answer }))
}

/// Declines an order: it is not carried out. It takes another person, who may give that order too.
#[utoipa::path(post, path = "/api/approvals/{id}/decline", security(("login" = ["operate"]), ("login" = ["define"]), ("login" = ["administer"])), tag = "approvals", params(("id" = i64, Path)), request_body = Option<DecideBody>,
    responses((status = 200, description = "As it is now", body = Approval),
              (status = 403, description = "not_allowed: they may not, or it is their own", body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it does not wait any more", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_reason", body = Problem, content_type = "application/problem+json")))]
async fn decline(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Approval>> {
    let comment = comment(request, &state).await?;
    let kept = known(&state, id).await?;
    if let Some(problem) = may_not_decide(&caller, &kept.approval) {
        return Err(ApiError(problem));
    }
    let order = order(&caller, comment)?;
    let to = ApprovalState::Declined;
    if !state.store.decide_approval(id, to, &order).await? {
        return Err(not_open(&state, id).await);
    }
    let now = known(&state, id).await?;
    Ok(Json(shown(&caller, now.approval)))
}

/// Withdraws an order that one has asked for: it is not carried out.
#[utoipa::path(delete, path = "/api/approvals/{id}", security(("login" = ["read"]), ("login" = ["operate"]), ("login" = ["define"]), ("login" = ["administer"])), tag = "approvals", params(("id" = i64, Path)),
    responses((status = 204, description = "It no longer waits"),
              (status = 403, description = "not_allowed: somebody else has asked for it", body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it does not wait any more", body = Problem, content_type = "application/problem+json")))]
async fn withdraw(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let approval = shown(&caller, known(&state, id).await?.approval);
    if !approval.is_mine {
        let detail = format!(
            "{} has asked for it and can withdraw it; others approve or decline.",
            approval.asked_by
        );
        let problem = Problem::new(403, "not_allowed", "You may not do this", detail);
        return Err(ApiError(problem));
    }
    let order = order(&caller, None)?;
    let to = ApprovalState::Withdrawn;
    if state.store.decide_approval(id, to, &order).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(not_open(&state, id).await)
}

async fn comment(request: Request, state: &AppState) -> ApiResult<Option<String>> {
    let body = body(request, state).await?;
    if body.is_empty() {
        return Ok(None);
    }
    let DecideBody { comment } = json(&body)?;
    Ok(comment)
}

async fn known(state: &AppState, id: i64) -> ApiResult<KeptOrder> {
    let found = state.store.approval(id).await?;
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: i64) -> ApiError {
    let detail = format!("No order {id} waits for a second person; GET /api/approvals lists them.");
    ApiError::not_found("approval", detail)
}

/// Why it can't be decided on, as it is now.
async fn not_open(state: &AppState, id: i64) -> ApiError {
    let approval = match known(state, id).await {
        Ok(kept) => kept.approval,
        Err(error) => return error,
    };
    let by = approval.decided_by.as_deref();
    let by = by.map(|by| format!(", by {by}")).unwrap_or_default();
    let detail = format!(
        "It does not wait any more: {}{by}. Nothing was changed; give the order anew if it is still wanted.",
        approval.state.words()
    );
    let problem = Problem::new(409, "refused", "It does not wait any more", detail);
    ApiError(problem.with("state", approval.state.as_str()))
}

fn no_approval() -> ApiError {
    let detail = "This server was started without --approval, so it carries out orders at once; give this one anew.";
    ApiError(Problem::new(
        409,
        "no_approval",
        "No approval is needed",
        detail,
    ))
}
