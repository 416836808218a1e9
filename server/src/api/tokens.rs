//! Tokens with which programs get in: `GET /api/tokens`, `POST /api/tokens`, `DELETE /api/tokens/{id}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{ApiToken, NewToken, NewTokenBody, Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::secret;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(tokens, make))
        .routes(routes!(revoke))
}

/// All tokens; not their secrets, which are told once.
#[utoipa::path(get, path = "/api/tokens", security(("login" = ["administer"])), tag = "identity", responses((status = 200, body = Vec<ApiToken>)))]
async fn tokens(State(state): State<AppState>) -> ApiResult<Json<Vec<ApiToken>>> {
    Ok(Json(state.store.tokens().await?))
}

/// Makes a token. The answer has its secret, said this once.
#[utoipa::path(post, path = "/api/tokens", security(("login" = ["administer"])), tag = "identity", request_body = NewTokenBody,
    responses((status = 200, body = NewToken), (status = 409, description = "name_taken", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_identity", body = Problem, content_type = "application/problem+json")))]
async fn make(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<NewToken>> {
    let sent: NewTokenBody = json(&body(request, &state).await?)?;
    if let Some(right) = sent.rights.iter().find(|right| !caller.may(**right)) {
        let detail = format!(
            "You may not {} yourself, so no token of yours may.",
            right.words()
        );
        return Err(ApiError(Problem::new(
            403,
            "not_allowed",
            "You may not do this",
            detail,
        )));
    }
    let secret = secret::new_token()?;
    let order = order(&caller, None)?;
    let hash = secret::hash(&secret);
    let token = state.store.make_token(&sent, &hash, &order).await?;
    Ok(Json(NewToken { token, secret }))
}

/// Revokes a token, at once; one that has leaked does not wait for a second person.
#[utoipa::path(delete, path = "/api/tokens/{id}", security(("login" = ["administer"])), extensions(("x-confirm" = json!("id")), ("x-alone" = json!(true))), tag = "identity", params(("id" = i64, Path)),
    responses((status = 204, description = "It no longer works"), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn revoke(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, None)?;
    let revoked = state.store.revoke_token(id, &order).await?;
    state.gate.forget();
    revoked.then_some(StatusCode::NO_CONTENT).ok_or_else(|| {
        let detail = format!("There is no token {id}; GET /api/tokens lists them.");
        ApiError::not_found("token", detail)
    })
}
