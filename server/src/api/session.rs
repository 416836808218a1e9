//! The login: `GET /api/session`, `POST /api/session`, `DELETE /api/session`.
//!
//! The page's form works without JavaScript, so it is taken as well, and then answered with where the browser goes.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use highwater_model::{LoginBody, LoginMode, Problem, WhoAmI};
use highwater_store::identity::KnownUser;
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::Query;
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use super::redirect::{path_here, percent, see_other};
use super::sent::Sent;
use crate::caller::{Caller, KnownBy};
use crate::identity::{password, secret};
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(who, log_in, log_out))
}

/// Who asks, what they may do, and what the server looks after. Answers before the login as well.
#[utoipa::path(get, path = "/api/session", security(()), tag = "identity", responses((status = 200, body = WhoAmI)))]
async fn who(State(state): State<AppState>, Extension(caller): Extension<Caller>) -> Json<WhoAmI> {
    Json(caller.who(&state))
}

/// Logs in, by JSON or by a form. The session's cookie comes with the answer; who fails often has to wait.
#[utoipa::path(post, path = "/api/session", security(()), tag = "identity", request_body = LoginBody,
    responses((status = 200, body = WhoAmI), (status = 303, description = "A form was sent: the browser goes to `next`, or back to the login"),
              (status = 401, description = "wrong_login", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "no_login: this server has none; provider_login: one logs in at a provider", body = Problem, content_type = "application/problem+json"),
              (status = 429, description = "too_many_logins", body = Problem, content_type = "application/problem+json")))]
async fn log_in(State(state): State<AppState>, request: Request) -> ApiResult<Response> {
    let sent = Sent::<LoginBody>::read(request, &state).await?;
    let next = path_here(sent.body.next.as_deref());
    match try_to_log_in(&state, &sent).await {
        Ok(user) => {
            let place = next.unwrap_or("/");
            begin(&state, &user, &sent.headers, sent.is_form.then_some(place)).await
        }
        Err(ApiError(problem)) if sent.is_form => Ok(back_to_login(&problem, next)),
        Err(error) => Err(error),
    }
}

/// Ends the session of this browser, or with `everywhere` all of this user.
#[utoipa::path(delete, path = "/api/session", security(()), tag = "identity", params(LogOutQuery), responses((status = 204, description = "Logged out")))]
async fn log_out(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<LogOutQuery>,
) -> ApiResult<Response> {
    if let KnownBy::Session(secret) = caller.by {
        if query.everywhere == Some(true) {
            let order = order(&caller, None)?;
            state.store.end_sessions(&caller.name, &order).await?;
        } else {
            state.store.end_session(&secret).await?;
        }
        state.gate.forget();
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = state.gate.cookie().forget() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// How far a log-out goes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogOutQuery {
    /// All sessions of this user, not the one of this browser alone.
    everywhere: Option<bool>,
}

async fn try_to_log_in(state: &AppState, sent: &Sent<LoginBody>) -> ApiResult<KnownUser> {
    by_password(state)?;
    let (name, address) = (&sent.body.name, sent.address);
    if let Err(wait) = state.gate.attempts().begin(address, name, Instant::now()) {
        metrics::counter!("highwater_logins_total", "outcome" => "slowed").increment(1);
        let seconds = wait.as_secs() + 1;
        let detail = format!("Too many logins have failed from here; try again in {seconds} s.");
        return Err(ApiError(
            Problem::new(
                429,
                "too_many_logins",
                "Too many logins have failed",
                detail,
            )
            .with("retry_after", seconds),
        ));
    }
    let user = state.store.known_user(name).await?;
    let kept = user.as_ref().and_then(|user| user.password.clone());
    let is_right = password::is_right(sent.body.password.clone(), kept).await?;
    let Some(user) = user.filter(|user| is_right && !user.disabled) else {
        metrics::counter!("highwater_logins_total", "outcome" => "refused").increment(1);
        tracing::warn!(%address, "a login failed");
        let detail = "The name or the password is wrong, or this user can't get in any more.";
        return Err(ApiError(Problem::new(
            401,
            "wrong_login",
            "The login failed",
            detail,
        )));
    };
    state.gate.attempts().succeeded(address, name);
    metrics::counter!("highwater_logins_total", "outcome" => "done").increment(1);
    Ok(user)
}

/// Begins a session: the answer to JSON, or to a form the place where the browser goes.
pub(super) async fn begin(
    state: &AppState,
    user: &KnownUser,
    headers: &HeaderMap,
    place: Option<&str>,
) -> ApiResult<Response> {
    let gate = &state.gate;
    let secret = secret::new()?;
    let before = gate.cookie().read(headers).map(secret::hash);
    let hash = secret::hash(&secret);
    let limits = gate.session();
    let begun = state
        .store
        .begin_session(&hash, user, before.as_ref(), limits);
    begun.await?;
    if let Some(before) = &before {
        gate.forget_one(before);
    }
    let mut response = match place {
        Some(place) => see_other(place),
        None => Json(WhoAmI {
            login: gate.login(),
            provider: None,
            name: Some(user.name.clone()),
            role: Some(user.role),
            rights: user.role.rights().to_vec(),
            environment: state.environment.clone(),
            approvals: state.approvals.is_some(),
        })
        .into_response(),
    };
    if let Some(cookie) = gate.cookie().keep(&secret, limits.absolute_s) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn back_to_login(problem: &Problem, next: Option<&str>) -> Response {
    let seconds = problem.facts.get("retry_after").and_then(Value::as_u64);
    let mut place = match (problem.status, seconds) {
        (429, Some(seconds)) => format!("/login?failed=slow&seconds={seconds}"),
        (401 | 409, _) => "/login?failed=wrong".to_owned(),
        _ => "/login?failed=broken".to_owned(),
    };
    if let Some(next) = next {
        place.push_str("&next=");
        place.push_str(&percent(next));
    }
    see_other(&place)
}

/// Refuses what is done with a password, where none is asked for.
pub(super) fn by_password(state: &AppState) -> ApiResult<()> {
    if state.gate.login() == LoginMode::Local {
        return Err(no_login());
    }
    not_at_a_provider(state)
}

/// Refuses what is a provider's to decide, where there is one.
pub(super) fn not_at_a_provider(state: &AppState) -> ApiResult<()> {
    let Some(provider) = state.gate.provider() else {
        return Ok(());
    };
    let host = provider.host();
    let detail = format!(
        "Users of this server log in at {host}, at /login/oidc; whom it knows, and their groups there, decide who gets in and what they are. There are no passwords here."
    );
    Err(ApiError(Problem::new(
        409,
        "provider_login",
        "Users come from a provider",
        detail,
    )))
}

pub(crate) fn no_login() -> ApiError {
    let detail = "This server has no login: whoever reaches it, on this machine only, is its admin. highwater serve --login=password has one.";
    ApiError(Problem::new(409, "no_login", "There is no login", detail))
}
