//! The audit log: `GET /api/actions`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{Action, AuditVerdict, Problem};
use highwater_store::read_models::ActionQuery;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Query, limit, not_negative};
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::seen::Seen;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(actions))
        .routes(routes!(verify))
}

/// Which actions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ActionsParams {
    /// Of one read model.
    read_model: Option<String>,
    /// Of one subscription.
    subscription: Option<String>,
    /// Of one kind: `define`, `pause`, `resume`, `retry`, `skip`, `rebuild`, `rebuild_part`, `replay`, `promote`, `go_back`, `discard`, `cancel`,
    /// `speed`; of subscriptions `retry_parked`, `drop_parked`, `remove`, too.
    action: Option<String>,
    /// Of one operator.
    actor: Option<String>,
    /// Of one job: its order, what was ordered of it, and what became of it.
    job: Option<i64>,
    /// Only ids smaller than this: the last one of the page before.
    before: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// What operators did, the newest first.
#[utoipa::path(get, path = "/api/actions", security(("login" = ["read"])), tag = "operate", params(ActionsParams),
    responses((status = 200, body = Vec<Action>), (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn actions(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<ActionsParams>,
) -> ApiResult<Json<Vec<Action>>> {
    let query = ActionQuery {
        read_model: wanted("read_model", params.read_model)?,
        subscription: wanted("subscription", params.subscription)?,
        action: wanted("action", params.action)?,
        actor: wanted("actor", params.actor)?,
        job: not_negative("job", params.job)?,
        before: not_negative("before", params.before)?,
        limit: i64::try_from(limit(params.limit)?).unwrap_or(100),
    };
    let actions = state.store.find_actions(&query).await?;
    let seen = Seen::by(&state, &caller).await?;
    Ok(Json(seen.actions(actions)))
}

/// A seal that was kept.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VerifyParams {
    /// A seal of an earlier answer, `NUMBER:HASH`: whether it is still the one that stands here.
    seal: Option<String>,
}

/// Whether the audit log is as it was written: each action is sealed, about two seconds after it, with the SHA-256 of its text and of the seal before it.
#[utoipa::path(get, path = "/api/actions/verify", security(("login" = ["read"])), tag = "operate", params(VerifyParams),
    responses((status = 200, body = AuditVerdict), (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn verify(
    State(state): State<AppState>,
    Query(params): Query<VerifyParams>,
) -> ApiResult<Json<AuditVerdict>> {
    let kept = params.seal.as_deref().map(kept_seal).transpose()?;
    let mut verdict = state.store.verify_actions().await?;
    if let Some((seal, hash)) = kept {
        let here = state.store.seal_hash(seal).await?;
        verdict.kept = Some(here.is_some_and(|here| here.eq_ignore_ascii_case(&hash)));
    }
    Ok(Json(verdict))
}

fn kept_seal(given: &str) -> ApiResult<(i64, String)> {
    let parts = given.trim().split_once(':');
    let seal = parts.and_then(|(seal, hash)| Some((seal.parse().ok()?, hash.to_owned())));
    seal.ok_or_else(|| {
        ApiError::bad_request(
            "bad_query",
            "The query parameters are not right",
            format!("seal is NUMBER:HASH, as it was answered; this is {given:?}."),
        )
    })
}

/// A text to compare with; an empty one is none.
pub(super) fn wanted(name: &str, given: Option<String>) -> ApiResult<Option<String>> {
    let given = given.filter(|text| !text.is_empty());
    if given.as_deref().is_some_and(|text| text.contains('\0')) {
        return Err(ApiError::bad_request(
            "bad_query",
            "The query parameters are not right",
            format!("{name} holds a NUL character, which no stored text does; leave it out."),
        ));
    }
    Ok(given)
}
