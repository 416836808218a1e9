//! Users: `GET /api/users`, `POST /api/users`, `PUT`/`DELETE /api/users/{name}`, `POST /api/users/{name}/invite`, `DELETE /api/users/{name}/sessions`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{Invitation, NewUserBody, Problem, User, UserBody};
use highwater_store::identity::UserChange;
use jiff::SignedDuration;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use super::session::not_at_a_provider;
use crate::caller::Caller;
use crate::identity::secret;
use crate::state::AppState;

/// How long an invitation's link works.
const INVITED: SignedDuration = SignedDuration::from_hours(72);

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(users, invite))
        .routes(routes!(change, remove))
        .routes(routes!(invite_again))
        .routes(routes!(end_sessions))
}

/// Everybody who gets in by name and password, or has come in by the provider.
#[utoipa::path(get, path = "/api/users", security(("login" = ["administer"])), tag = "identity", responses((status = 200, body = Vec<User>)))]
async fn users(State(state): State<AppState>) -> ApiResult<Json<Vec<User>>> {
    Ok(Json(state.store.users().await?))
}

/// Invites a user. The answer has the link, said this once, at which they choose a password; it works once, for 72 hours.
#[utoipa::path(post, path = "/api/users", security(("login" = ["administer"])), tag = "identity", request_body = NewUserBody,
    responses((status = 200, body = Invitation), (status = 409, description = "name_taken; provider_login: one logs in at a provider", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_identity", body = Problem, content_type = "application/problem+json")))]
async fn invite(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Invitation>> {
    let sent: NewUserBody = json(&body(request, &state).await?)?;
    not_at_a_provider(&state)?;
    let order = order(&caller, None)?;
    let key = secret::new()?;
    let (hash, valid_s) = (secret::hash(&key), INVITED.as_secs());
    let invited = state
        .store
        .invite_user(&sent.name, sent.role, &hash, valid_s, &order);
    let name = invited.await?;
    Ok(Json(invitation(&state, name, &key)))
}

/// Makes a user something else, or keeps them from getting in. It counts at once, in whatever they have open.
#[utoipa::path(put, path = "/api/users/{name}", security(("login" = ["administer"])), tag = "identity", params(("name" = String, Path)), request_body = UserBody,
    responses((status = 200, body = User), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "last_admin; provider_login: what they are follows from their groups there", body = Problem, content_type = "application/problem+json")))]
async fn change(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<User>> {
    let sent: UserBody = json(&body(request, &state).await?)?;
    let change = UserChange {
        role: sent.role,
        disabled: sent.disabled,
    };
    let order = order(&caller, None)?;
    let known = state.store.known_user(&name).await?;
    if known.is_some_and(|known| known.role != sent.role) {
        // It would last until they log in again.
        not_at_a_provider(&state)?;
    }
    let changed = state.store.change_user(&name, change, &order).await?;
    state.gate.forget();
    changed.map(Json).ok_or_else(|| no_user(&name))
}

/// Removes a user. What they did stays on record under their name.
#[utoipa::path(delete, path = "/api/users/{name}", security(("login" = ["administer"])), extensions(("x-confirm" = json!("name"))), tag = "identity", params(("name" = String, Path)),
    responses((status = 204, description = "They are gone"), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "last_admin", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, None)?;
    let removed = state.store.remove_user(&name, &order).await?;
    state.gate.forget();
    done(removed, &name)
}

/// Has a user choose a password anew, at a link as an invitation's. Their password no longer works, their sessions end.
#[utoipa::path(post, path = "/api/users/{name}/invite", security(("login" = ["administer"])), extensions(("x-confirm" = json!("name"))), tag = "identity", params(("name" = String, Path)),
    responses((status = 200, body = Invitation), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "last_admin; provider_login: there are no passwords", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn invite_again(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Invitation>> {
    not_at_a_provider(&state)?;
    let order = order(&caller, None)?;
    let key = secret::new()?;
    let (hash, valid_s) = (secret::hash(&key), INVITED.as_secs());
    let invited = state.store.invite_again(&name, &hash, valid_s, &order);
    let invited = invited.await?;
    state.gate.forget();
    let invited = invited.ok_or_else(|| no_user(&name))?;
    Ok(Json(invitation(&state, invited, &key)))
}

/// Logs a user out of all browsers, at once.
#[utoipa::path(delete, path = "/api/users/{name}/sessions", security(("login" = ["administer"])), tag = "identity", params(("name" = String, Path)),
    responses((status = 204, description = "They are logged out"), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn end_sessions(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, None)?;
    let ended = state.store.end_sessions(&name, &order).await?;
    state.gate.forget();
    done(ended, &name)
}

fn done(was_there: bool, name: &str) -> ApiResult<StatusCode> {
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(|| no_user(name))
}

fn no_user(name: &str) -> ApiError {
    let detail = format!("There is no user {name:?}; GET /api/users lists them.");
    ApiError::not_found("user", detail)
}

fn invitation(state: &AppState, name: String, key: &str) -> Invitation {
    let now = state.store.clock().now();
    Invitation {
        name,
        path: format!("/join?key={key}"),
        expires_at: now.checked_add(INVITED).unwrap_or(now),
    }
}
