//! Subscriptions as a member uses them: `POST /api/subscriptions/{name}/fetch`, `…/acknowledge`, `…/release`. Over a WebSocket it is `GET /api/live`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use highwater_model::subscription::{AT_MOST, AT_MOST_USUAL, WAIT_MAX_S};
use highwater_model::{
    AcknowledgeBody, Acknowledged, FetchBody, Fetched, MemberWay, Problem, ReleaseBody,
    check_subscription_name,
};
use highwater_store::subscriptions::{Ask, SubscriptionError};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json};
use super::problem::{ApiError, ApiResult};
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(fetch))
        .routes(routes!(acknowledge))
        .routes(routes!(release))
}

/// Gives a member events, of a stream one at a time, and takes what it says of earlier ones. An event that it does not acknowledge in time goes to
/// whoever asks next.
#[utoipa::path(post, path = "/api/subscriptions/{name}/fetch", security(("login" = ["subscribe"])), tag = "subscriptions", params(("name" = String, Path)), request_body = FetchBody,
    responses((status = 200, body = Fetched), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_name, bad_fields", body = Problem, content_type = "application/problem+json")))]
async fn fetch(
    State(state): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> ApiResult<Json<Fetched>> {
    let sent: FetchBody = json(&body(request, &state).await?)?;
    let at_most = at_most(sent.at_most)?;
    let wait = sent.wait_s.unwrap_or(0);
    if !(0..=WAIT_MAX_S).contains(&wait) {
        return Err(bad("wait_s", wait, &format!("0 to {WAIT_MAX_S} seconds")));
    }
    let ask = Ask {
        member: &sent.member,
        way: MemberWay::Http,
        at_most,
        acknowledge: &sent.acknowledge,
        failed: &sent.failed,
    };
    let waiting =
        state
            .subscriptions
            .wait_for(&name, ask, Duration::from_secs(wait.unsigned_abs()));
    let found = tokio::select! {
        found = waiting => found?,
        // Nobody is kept waiting by a server that stops: with nothing to do, the member asks again.
        () = state.stopping.cancelled() => state.subscriptions.deliver(&name, Ask { at_most: 0, acknowledge: &[], failed: &[], ..ask }).await?,
    };
    Ok(Json(Fetched {
        deliveries: found.deliveries,
        not_held: found.acknowledged.not_held,
        state: found.state,
    }))
}

/// Takes what a member says of events that it has.
#[utoipa::path(post, path = "/api/subscriptions/{name}/acknowledge", security(("login" = ["subscribe"])), tag = "subscriptions", params(("name" = String, Path)), request_body = AcknowledgeBody,
    responses((status = 200, body = Acknowledged), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_name, bad_fields", body = Problem, content_type = "application/problem+json")))]
async fn acknowledge(
    State(state): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> ApiResult<Json<Acknowledged>> {
    let sent: AcknowledgeBody = json(&body(request, &state).await?)?;
    let ask = Ask {
        member: &sent.member,
        way: MemberWay::Http,
        at_most: 0,
        acknowledge: &sent.acknowledge,
        failed: &sent.failed,
    };
    let found = state.subscriptions.deliver(&name, ask).await?;
    Ok(Json(found.acknowledged))
}

/// A member leaves: what it has goes to others at once, and nothing of it counts as failed.
#[utoipa::path(post, path = "/api/subscriptions/{name}/release", security(("login" = ["subscribe"])), tag = "subscriptions", params(("name" = String, Path)), request_body = ReleaseBody,
    responses((status = 204, description = "It has nothing any more"), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_name, bad_fields", body = Problem, content_type = "application/problem+json")))]
async fn release(
    State(state): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> ApiResult<StatusCode> {
    let ReleaseBody { member } = json(&body(request, &state).await?)?;
    check_subscription_name("member", &member).map_err(SubscriptionError::from)?;
    state.subscriptions.release(&name, &member, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How many events a member may have unacknowledged.
pub(crate) fn at_most(given: Option<i64>) -> ApiResult<i64> {
    match given {
        None => Ok(AT_MOST_USUAL),
        Some(at_most) if (1..=AT_MOST).contains(&at_most) => Ok(at_most),
        Some(at_most) => Err(bad("at_most", at_most, &format!("1 to {AT_MOST}"))),
    }
}

fn bad(name: &str, given: i64, range: &str) -> ApiError {
    ApiError(
        Problem::new(
            422,
            "bad_fields",
            "The JSON has not the right fields",
            format!("{name} is {range}; this is {given}."),
        )
        .with("field", name)
        .with("given", given),
    )
}
