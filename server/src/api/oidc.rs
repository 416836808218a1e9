//! The login at a provider of OpenID Connect: `/login/oidc` leads there, `/login/oidc/callback` is where it leads back. They are for
//! browsers and no calls of the API: what goes wrong is said by the page of the login.

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use highwater_model::Problem;
use highwater_store::StoreError;
use highwater_store::identity::KnownUser;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::{ApiError, ApiResult};
use super::redirect::{path_here, percent, see_other};
use super::session::begin as begin_session;
use crate::identity::oidc::{Attempt, Failed, Proven, Provider, no_role};
use crate::state::AppState;

/// How long a login may take at the provider, in seconds.
const LOGIN_S: i64 = 10 * 60;
/// A path that is longer is not come back to.
const NEXT_BYTES: usize = 2_000;

/// What `/login/oidc` is told.
#[derive(Default, Deserialize)]
struct Begin {
    next: Option<String>,
}

/// What the provider says by the browser. It may say more than this.
#[derive(Default, Deserialize)]
struct Said {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Why nobody has come in.
enum Refused {
    /// The page of the login says it.
    Failed(Failed),
    /// A page of its own says it.
    NoRole(Proven),
    /// Something broke.
    Broken(ApiError),
}

impl From<Failed> for Refused {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.into())
    }
}

/// `/login/oidc?next=…`: sends the browser to the provider, with a secret that only this browser has.
pub(crate) async fn begin(
    State(state): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let provider = provider(&state)?;
    let query: Begin = query(&uri);
    let next = path_here(query.next.as_deref()).filter(|next| next.len() <= NEXT_BYTES);
    let attempt = Attempt::new()?;
    let origin = state.gate.origin_of(&headers);
    let place = match provider.authorize(&attempt, &origin).await {
        Ok(place) => place,
        Err(failed) => return Ok(back_to_login(failed, next)),
    };
    let next = next.unwrap_or("/");
    let hash = attempt.hash();
    state.store.begin_login(&hash, next, LOGIN_S).await?;
    let mut response = see_other(place.as_str());
    let cookie = state.gate.login_cookie();
    if let Some(cookie) = cookie.keep(attempt.secret(), LOGIN_S) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `/login/oidc/callback?state=…&code=…`: the browser comes back, and is logged in, or told why not.
pub(crate) async fn callback(
    State(state): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let provider = provider(&state)?;
    let said: Said = query(&uri);
    let attempt = state.gate.login_cookie().read(&headers).map(Attempt::of);
    // The answer to a login that this browser has not begun changes nothing of the one that it has.
    let answered = attempt.filter(|attempt| {
        let state = said.state.as_deref();
        state.is_some_and(|state| attempt.is_answered(state))
    });
    let Some(attempt) = answered else {
        return Ok(back_to_login(Failed::Stale, None));
    };
    let Some(next) = state.store.take_login(&attempt.hash()).await? else {
        return Ok(back_to_login(Failed::Stale, None));
    };
    let origin = state.gate.origin_of(&headers);
    let came = come_in(&state, provider, &attempt, said, &origin).await;
    let outcome = if came.is_ok() { "done" } else { "refused" };
    metrics::counter!("highwater_logins_total", "outcome" => outcome).increment(1);
    let mut response = match came {
        Ok(user) => begin_session(&state, &user, &headers, Some(&next)).await?,
        Err(Refused::Failed(failed)) => back_to_login(failed, Some(&next)),
        Err(Refused::NoRole(proven)) => no_role(provider, &proven, &state.site.css),
        Err(Refused::Broken(error)) => return Err(error),
    };
    if let Some(cookie) = state.gate.login_cookie().forget() {
        // Beside the session's.
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who has come back from the provider, if they may come in.
async fn come_in(
    state: &AppState,
    provider: &Provider,
    attempt: &Attempt,
    said: Said,
    origin: &str,
) -> Result<KnownUser, Refused> {
    if said.iss.is_some_and(|issuer| issuer != provider.issuer()) {
        tracing::warn!("another provider than the one that was asked has answered");
        return Err(Failed::Answer.into());
    }
    if let Some(error) = said.error {
        tracing::warn!(?error, "the provider refuses a login");
        let denied = error == "access_denied";
        let failed = if denied {
            Failed::Denied
        } else {
            Failed::Answer
        };
        return Err(failed.into());
    }
    let code = said.code.ok_or(Failed::Answer)?;
    let proven = provider.prove(attempt, code, origin).await?;
    let Some(role) = provider.role(&proven) else {
        tracing::warn!("a login is refused: none of the groups has a role");
        let (issuer, subject) = (provider.issuer(), &proven.subject);
        let ended = state.store.end_provided_sessions(issuer, subject).await?;
        if ended {
            state.gate.forget();
        }
        return Err(Refused::NoRole(proven));
    };
    let user = provider.user(proven, role);
    let user = state.store.provided_user(&user).await?;
    if user.disabled {
        return Err(Failed::Disabled.into());
    }
    Ok(user)
}

/// The provider; both paths are there only where one logs in at it.
fn provider(state: &AppState) -> ApiResult<&Provider> {
    state.gate.provider().ok_or_else(|| {
        let detail = "Nobody logs in here at a provider. highwater serve --login=oidc has that.";
        ApiError(Problem::new(
            409,
            "no_provider",
            "There is no provider",
            detail,
        ))
    })
}

/// The query of an address; nothing of one that can't be read.
fn query<T: DeserializeOwned + Default>(uri: &Uri) -> T {
    serde_urlencoded::from_str(uri.query().unwrap_or_default()).unwrap_or_default()
}

fn back_to_login(failed: Failed, next: Option<&str>) -> Response {
    let mut place = format!("/login?failed={}", failed.word());
    if let Some(next) = next.filter(|next| *next != "/") {
        place.push_str("&next=");
        place.push_str(&percent(next));
    }
    see_other(&place)
}
