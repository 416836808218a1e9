//! Events that a read model could not handle: `GET …/failures`, `POST …/failures/{position}/retry`, `…/skip`.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use highwater_model::{Failure, FailureBody, Position, Problem, ReadModel, VersionRole};
use highwater_store::read_models::Order;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json, limit, not_negative};
use super::orders::{order, with_reason};
use super::problem::ApiResult;
use super::read_model::{known_name, live_version};
use crate::caller::Caller;
use crate::identity::seen::{self, Seen, ordered};
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(failures))
        .routes(routes!(retry))
        .routes(routes!(skip))
}

/// Which failures.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FailuresParams {
    /// Of this version: `live` unless given, `shadow`, or `previous`.
    version: Option<VersionRole>,
    /// Only positions smaller than this: the last one of the page before.
    before: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// Events that it could not handle, the newest first, whatever became of them.
#[utoipa::path(get, path = "/api/read-models/{name}/failures", security(("login" = ["read"])), tag = "read models", params(("name" = String, Path), FailuresParams),
    responses((status = 200, body = Vec<Failure>), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn failures(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(params): Query<FailuresParams>,
) -> ApiResult<Json<Vec<Failure>>> {
    known_name(&name)?;
    let before = not_negative("before", params.before)?.map(Position);
    let limit = limit(params.limit)?;
    live_version(&state, &name).await?;
    let failures = state.store.failures(
        &name,
        params.version.unwrap_or(VersionRole::Live),
        before,
        i64::try_from(limit).unwrap_or(100),
    );
    let failures = failures.await?;
    let seen = Seen::by(&state, &caller).await?;
    Ok(Json(seen.failures(&name, failures)))
}

/// Tries the event again that a version of the read model stands on: the live one, or the shadow, whose rebuild goes on then.
#[utoipa::path(post, path = "/api/read-models/{name}/failures/{position}/retry", security(("login" = ["operate"])), tag = "read models",
    params(("name" = String, Path), ("position" = i64, Path)), request_body = Option<FailureBody>,
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
    let (order, role) = decision(&caller, request, &state).await?;
    let retry = state
        .read_models
        .retry(&name, role, Position(position), &order);
    ordered(&state, &caller, &name, retry).await?;
    Ok(Json(seen::read_model(&state, &caller, &name).await?))
}

/// Leaves out the event that a version of the read model stands on, with a reason.
#[utoipa::path(post, path = "/api/read-models/{name}/failures/{position}/skip", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "read models",
    params(("name" = String, Path), ("position" = i64, Path)), request_body = FailureBody,
    responses((status = 200, description = "As it is now", body = ReadModel),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it does not stand on this event; maintenance: it is on", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn skip(
    State(state): State<AppState>,
    Path((name, position)): Path<(String, i64)>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ReadModel>> {
    known_name(&name)?;
    let (order, role) = decision(&caller, request, &state).await?;
    let order = with_reason(order)?;
    let skip = state
        .read_models
        .skip(&name, role, Position(position), &order);
    ordered(&state, &caller, &name, skip).await?;
    Ok(Json(seen::read_model(&state, &caller, &name).await?))
}

/// What is ordered of an event that failed, and of which version.
async fn decision(
    caller: &Caller,
    request: Request,
    state: &AppState,
) -> ApiResult<(Order, VersionRole)> {
    let sent = body(request, state).await?;
    let FailureBody { reason, version } = if sent.is_empty() {
        FailureBody::default()
    } else {
        json(&sent)?
    };
    Ok((order(caller, reason)?, version.unwrap_or(VersionRole::Live)))
}
