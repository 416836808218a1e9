//! Links that show the Stage to somebody without a login: `GET /api/shares`, `POST /api/shares`, `DELETE /api/shares/{id}`.
//!
//! Whoever has one sees headlines only ([`highwater_model::Sight`]): no data, no names of streams.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Json};
use highwater_model::{LoginMode, NewShare, NewShareBody, Problem, Share};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use super::redirect::see_other;
use super::session::no_login;
use crate::caller::Caller;
use crate::identity::secret;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(shares, make))
        .routes(routes!(end))
}

/// Links that work; not their keys, which are told once.
#[utoipa::path(get, path = "/api/shares", security(("login" = ["operate"])), tag = "identity", responses((status = 200, body = Vec<Share>)))]
async fn shares(State(state): State<AppState>) -> ApiResult<Json<Vec<Share>>> {
    Ok(Json(state.store.shares().await?))
}

/// Makes a link to the Stage, as it is now or as a recording. The answer has it, said this once.
#[utoipa::path(post, path = "/api/shares", security(("login" = ["operate"])), tag = "identity", request_body = NewShareBody,
    responses((status = 200, body = NewShare), (status = 409, description = "no_login: whoever reaches this server sees everything", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_identity", body = Problem, content_type = "application/problem+json")))]
async fn make(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<NewShare>> {
    let sent: NewShareBody = json(&body(request, &state).await?)?;
    if state.gate.login() == LoginMode::Local {
        return Err(no_login());
    }
    let key = secret::new()?;
    let order = order(&caller, None)?;
    let hash = secret::hash(&key);
    let share = state.store.make_share(&sent, &hash, &order).await?;
    let path = format!("/share/{key}");
    Ok(Json(NewShare { share, path }))
}

/// Ends a link, at once.
#[utoipa::path(delete, path = "/api/shares/{id}", security(("login" = ["operate"])), tag = "identity", params(("id" = i64, Path)),
    responses((status = 204, description = "It no longer works"), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn end(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, None)?;
    let ended = state.store.end_share(id, &order).await?;
    state.gate.forget();
    ended.then_some(StatusCode::NO_CONTENT).ok_or_else(|| {
        let detail = format!("There is no link {id}; GET /api/shares lists them.");
        ApiError::not_found("share", detail)
    })
}

/// `/share/{key}`: has the browser keep the key, and leads to what it shows.
pub(crate) async fn open(
    State(state): State<AppState>,
    axum::extract::Path(key): axum::extract::Path<String>,
) -> ApiResult<Response> {
    let found = state.store.share_of(&secret::hash(&key)).await?;
    let Some(share) = found else {
        return Ok(see_other("/login?failed=share"));
    };
    let mut response = see_other(&share.stage());
    let seconds = share.expires_at.duration_since(state.store.clock().now());
    if let Some(cookie) = state.gate.share_cookie().keep(&key, seconds.as_secs()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}
