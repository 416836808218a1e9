//! How an invited user gets in: `GET /api/join`, `POST /api/join`. The page's form is taken as well, and answered with where the browser goes.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::Response;
use highwater_model::{JoinBody, Problem, Role, WhoAmI};
use highwater_store::identity::KnownUser;
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::Query;
use super::problem::{ApiError, ApiResult};
use super::redirect::{percent, see_other};
use super::sent::Sent;
use super::session::{begin, by_password, not_at_a_provider};
use crate::identity::{password, secret};
use crate::state::AppState;

/// The calls of this area.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(invited, join))
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

fn dead_link() -> ApiError {
    let detail = "This link was used, has expired, or was never given. An admin makes a new one at /access; for the first admin the server prints one when it starts.";
    ApiError::not_found("invitation", detail)
}
