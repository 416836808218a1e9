//! The login: `GET /api/session`, `POST /api/session`, `DELETE /api/session`; and how an invited user gets in: `GET /api/join`, `POST /api/join`.
//!
//! The page's forms work without JavaScript, so both take a form as well, and then answer with where the browser goes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use highwater_model::{JoinBody, LoginBody, LoginMode, Problem, Role, WhoAmI};
use highwater_store::identity::KnownUser;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Query, body, json, media_type};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use crate::caller::{Caller, KnownBy};
use crate::identity::{password, secret};
use crate::state::AppState;

/// A login has no more to say than this.
const BODY_BYTES: usize = 16 << 10;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(who, log_in, log_out))
        .routes(routes!(invited, join))
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

/// Whom an invitation is for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct InvitedUser {
    /// What they are called; the first admin chooses that.
    name: Option<String>,
    /// What they will be.
    role: Role,
}

/// A link's key.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InvitedQuery {
    /// The key.
    key: String,
}

/// Whom an invitation is for.
#[utoipa::path(get, path = "/api/join", security(()), tag = "identity", params(InvitedQuery),
    responses((status = 200, body = InvitedUser), (status = 404, description = "not_found: used, expired, or never given", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "provider_login: one logs in at a provider", body = Problem, content_type = "application/problem+json")))]
async fn invited(
    State(state): State<AppState>,
    Query(query): Query<InvitedQuery>,
) -> ApiResult<Json<InvitedUser>> {
    not_at_a_provider(&state)?;
    let found = state.store.invitation(&secret::hash(&query.key)).await?;
    let found = found.ok_or_else(dead_link)?;
    Ok(Json(InvitedUser {
        name: found.name,
        role: found.role,
    }))
}

/// Takes the password that an invited user has chosen, by JSON or by a form, and logs them in. The link is used up.
#[utoipa::path(post, path = "/api/join", security(()), tag = "identity", request_body = JoinBody,
    responses((status = 200, body = WhoAmI), (status = 303, description = "A form was sent: the browser goes to the console, or back to the link"),
              (status = 404, description = "not_found: used, expired, or never given", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "no_login: this server has none; provider_login: one logs in at a provider", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_password, bad_identity", body = Problem, content_type = "application/problem+json")))]
async fn join(State(state): State<AppState>, request: Request) -> ApiResult<Response> {
    let sent = Sent::<JoinBody>::read(request, &state).await?;
    match try_to_join(&state, &sent).await {
        Ok(user) => begin(&state, &user, &sent.headers, sent.is_form.then_some("/")).await,
        Err(ApiError(problem)) if sent.is_form => {
            let key = percent(&sent.body.key);
            let failed = percent(&problem.detail);
            Ok(see_other(&format!("/join?key={key}&failed={failed}")))
        }
        Err(error) => Err(error),
    }
}

/// What was sent: as JSON, or by a form.
struct Sent<T> {
    body: T,
    is_form: bool,
    headers: HeaderMap,
    address: IpAddr,
}

impl<T: DeserializeOwned> Sent<T> {
    async fn read(request: Request, state: &AppState) -> ApiResult<Self> {
        let headers = request.headers().clone();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
        let address = state.gate.address(peer, &headers);
        let is_form = media_type(&headers) == "application/x-www-form-urlencoded";
        let bytes = body(request, state).await?;
        if bytes.len() > BODY_BYTES {
            return Err(ApiError::bad_request(
                "bad_body",
                "The body is too large",
                format!("A login has {BODY_BYTES} bytes at most."),
            ));
        }
        Ok(Self {
            body: read(&bytes, is_form)?,
            is_form,
            headers,
            address,
        })
    }
}

fn read<T: DeserializeOwned>(bytes: &Bytes, is_form: bool) -> ApiResult<T> {
    if !is_form {
        return json(bytes);
    }
    serde_urlencoded::from_bytes(bytes).map_err(|error| {
        ApiError::bad_request("bad_form", "The form is not right", format!("{error}."))
    })
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

async fn try_to_join(state: &AppState, sent: &Sent<JoinBody>) -> ApiResult<KnownUser> {
    by_password(state)?;
    let key = secret::hash(&sent.body.key);
    // Before the password is hashed, which costs something.
    if state.store.invitation(&key).await?.is_none() {
        return Err(dead_link());
    }
    let kept = password::hash(sent.body.password.clone()).await?;
    let chosen = sent.body.name.as_deref();
    let joined = state.store.join(&key, chosen, &kept).await?;
    state.gate.forget();
    let joined = joined.ok_or_else(dead_link)?;
    if joined.disabled {
        let detail = "The password is kept, but an admin has closed this user; ask them.";
        return Err(ApiError(Problem::new(
            403,
            "not_allowed",
            "This user can't get in",
            detail,
        )));
    }
    Ok(joined)
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

pub(crate) fn see_other(place: &str) -> Response {
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// A path of this server, not an address of another one.
pub(crate) fn path_here(next: Option<&str>) -> Option<&str> {
    next.filter(|next| {
        let mut characters = next.chars();
        characters.next() == Some('/')
            && !matches!(characters.next(), Some('/' | '\\'))
            && !next
                .chars()
                .any(|character| character.is_control() || character == '\\')
            && next.is_ascii()
    })
}

/// A part of a query.
pub(crate) fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Refuses what is done with a password, where none is asked for.
fn by_password(state: &AppState) -> ApiResult<()> {
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

fn dead_link() -> ApiError {
    let detail = "This link was used, has expired, or was never given. An admin makes a new one at /access; for the first admin the server prints one when it starts.";
    ApiError::not_found("invitation", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_no_other_site() {
        for here in ["/", "/live?filter=type:A", "/streams/order-1"] {
            assert_eq!(path_here(Some(here)), Some(here));
        }
        for other in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "live",
            "/a\nb",
            "/\u{e4}",
        ] {
            assert_eq!(path_here(Some(other)), None, "{other:?}");
        }
    }

    #[test]
    fn a_sentence_becomes_a_part_of_a_query() {
        assert_eq!(percent("Try again; ä&b"), "Try%20again%3B%20%C3%A4%26b");
    }
}
