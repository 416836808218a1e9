//! Masked fields: `GET /api/masking`, `POST /api/masking`, `DELETE /api/masking/{id}`; read models that hold nothing of them:
//! `PUT`, `DELETE /api/masking/cleared/{read_model}`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{
    MaskCleared, MaskError, MaskPath, MaskRule, MaskRuleBody, MaskRuleFound, MaskTypes, Masking,
    OrderBody, Problem,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json};
use super::orders::{order, order_of, with_reason};
use super::problem::{ApiError, ApiResult};
use super::read_model::known_name;
use super::read_model_problem::unknown;
use crate::caller::Caller;
use crate::state::AppState;

/// Types that are named of a rule.
const MATCHES: usize = 100;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(masking, add))
        .routes(routes!(remove))
        .routes(routes!(clear, take_back))
}

impl From<MaskError> for ApiError {
    fn from(error: MaskError) -> Self {
        let problem = Problem::new(422, "bad_mask", "The rule is not right", error.message);
        Self(problem.with("field", error.field))
    }
}

/// What of events is masked, from which role on it is seen, and which types that is about: everybody may know. Read models that are cleared.
#[utoipa::path(get, path = "/api/masking", security(("login" = ["read"])), tag = "identity", responses((status = 200, body = Masking)))]
async fn masking(State(state): State<AppState>) -> ApiResult<Json<Masking>> {
    let names = state.store.event_type_names().await?;
    let found = |rule: MaskRule| {
        let types = MaskTypes::parse(&rule.types).ok();
        let fits = |name: &&String| types.as_ref().is_some_and(|types| types.mean(name));
        let matches = names.iter().filter(fits).take(MATCHES).cloned().collect();
        MaskRuleFound { rule, matches }
    };
    let rules = state.store.mask_rules().await?;
    Ok(Json(Masking {
        rules: rules.into_iter().map(found).collect(),
        cleared: state.store.mask_cleared().await?,
    }))
}

/// Masks a field of events, with a reason: from now on it is seen from a role on, and by tokens with the right `reveal`. Whoever may not see
/// it may not search for it either. It counts at once, in whatever they have open.
#[utoipa::path(post, path = "/api/masking", security(("login" = ["administer"])), tag = "identity", request_body = MaskRuleBody,
    responses((status = 200, body = MaskRule),
              (status = 422, description = "bad_mask, reason_missing", body = Problem, content_type = "application/problem+json")))]
async fn add(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<MaskRule>> {
    let sent: MaskRuleBody = json(&body(request, &state).await?)?;
    let types = MaskTypes::parse(&sent.types)?;
    let path = MaskPath::parse(&sent.path)?;
    let seen_from = sent.seen_from()?;
    let order = with_reason(order(&caller, sent.reason)?)?;
    let made = state.store.add_mask_rule(&types, &path, seen_from, &order);
    let made = made.await?;
    state.gate.forget();
    Ok(Json(made))
}

/// Why it is so from now on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReasonParams {
    /// The audit log keeps it.
    reason: Option<String>,
}

/// Removes a rule: everybody who reads sees the field, as far as no other rule hides it.
#[utoipa::path(delete, path = "/api/masking/{id}", security(("login" = ["administer"])), tag = "identity", params(("id" = i64, Path), ReasonParams),
    responses((status = 204, description = "It is gone"), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Query(params): Query<ReasonParams>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, params.reason)?;
    let removed = state.store.remove_mask_rule(id, &order).await?;
    state.gate.forget();
    removed.then_some(StatusCode::NO_CONTENT).ok_or_else(|| {
        let detail = format!("There is no rule {id}; GET /api/masking lists them.");
        ApiError::not_found("mask_rule", detail)
    })
}

/// Says that a read model's rows and errors hold nothing that is masked, with a reason: whoever reads sees them again. Another definition of
/// it takes that back.
#[utoipa::path(put, path = "/api/masking/cleared/{read_model}", security(("login" = ["administer"])), tag = "identity", params(("read_model" = String, Path)), request_body = OrderBody,
    responses((status = 200, body = MaskCleared), (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json")))]
async fn clear(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<MaskCleared>> {
    known_name(&name)?;
    let order = with_reason(order_of(&caller, request, &state).await?)?;
    let cleared = state.store.clear_of_masks(&name, &order).await?;
    cleared.map(Json).ok_or_else(|| unknown(&name))
}

/// Takes that back.
#[utoipa::path(delete, path = "/api/masking/cleared/{read_model}", security(("login" = ["administer"])), tag = "identity", params(("read_model" = String, Path), ReasonParams),
    responses((status = 204, description = "It is not cleared any more"), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn take_back(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(params): Query<ReasonParams>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    known_name(&name)?;
    let order = order(&caller, params.reason)?;
    let was = state.store.not_clear_of_masks(&name, &order).await?;
    was.then_some(StatusCode::NO_CONTENT).ok_or_else(|| {
        let detail = format!("{name:?} is not cleared; GET /api/masking lists those that are.");
        ApiError::not_found("cleared", detail)
    })
}
