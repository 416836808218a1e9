//! Alerts and their rules: `GET /api/alerts`, `GET /api/alert-rules`, one of them, its preview and its test.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use highwater_engine::alerts::test_telling;
use highwater_model::{
    AlertList, AlertPreview, AlertRule, AlertRuleBody, AlertRuleFault, AlertState, AlertTest,
    Problem, Right, check_rule_name, webhook_host,
};
use highwater_store::alerts::AlertRuleError;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json, limit};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use crate::alerts::webhook;
use crate::caller::Caller;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(alerts))
        .routes(routes!(rules))
        .routes(routes!(rule, put_rule, remove_rule))
        .routes(routes!(preview))
        .routes(routes!(test_rule))
}

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AlertsParams {
    /// Only those that stand there; those that fire and those that are over unless given.
    state: Option<AlertState>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// What is wrong by the rules: what fires now, then what did and is over. Kept for 30 days.
#[utoipa::path(get, path = "/api/alerts", security(("login" = ["read"])), tag = "alerts", params(AlertsParams),
    responses((status = 200, body = AlertList), (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn alerts(
    State(state): State<AppState>,
    Query(params): Query<AlertsParams>,
) -> ApiResult<Json<AlertList>> {
    let limit = i64::try_from(limit(params.limit)?).unwrap_or(100);
    Ok(Json(state.store.alerts(params.state, limit).await?))
}

/// All rules, by name; not their secrets.
#[utoipa::path(get, path = "/api/alert-rules", security(("login" = ["read"])), tag = "alerts", responses((status = 200, body = Vec<AlertRule>)))]
async fn rules(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<Vec<AlertRule>>> {
    let rules = state.store.alert_rules().await?;
    Ok(Json(
        rules.into_iter().map(|rule| shown(&caller, rule)).collect(),
    ))
}

/// One rule; not its secret.
#[utoipa::path(get, path = "/api/alert-rules/{name}", security(("login" = ["read"])), tag = "alerts", params(("name" = String, Path)),
    responses((status = 200, body = AlertRule), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn rule(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<AlertRule>> {
    let rule = known(&state, &name).await?;
    Ok(Json(shown(&caller, rule)))
}

/// Writes a rule, on record. What fires by it goes on firing if it is still wrong by what the rule is now.
#[utoipa::path(put, path = "/api/alert-rules/{name}", security(("login" = ["define"])), tag = "alerts", params(("name" = String, Path)), request_body = AlertRuleBody,
    responses((status = 201, description = "It is new", body = AlertRule), (status = 200, description = "As it is now", body = AlertRule),
              (status = 400, description = "bad_json", body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: there are as many as there may be", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_alert_rule, bad_fields", body = Problem, content_type = "application/problem+json")))]
async fn put_rule(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Response> {
    let mut wanted: AlertRuleBody = json(&body(request, &state).await?)?;
    check_rule_name(&name)?;
    wanted.condition()?;
    if let Some(given) = &wanted.webhook {
        wanted.webhook = Some(webhook::address(given)?.into());
    }
    let order = order(&caller, wanted.reason.clone())?;
    let is_new = state.store.put_alert_rule(&name, &wanted, &order).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let now = known(&state, &name).await?;
    Ok((status, Json(shown(&caller, now))).into_response())
}

/// Why it is removed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemoveParams {
    /// The audit log keeps it.
    reason: Option<String>,
}

/// Removes a rule, on record. What fires by it is over, and nobody is told of that.
#[utoipa::path(delete, path = "/api/alert-rules/{name}", security(("login" = ["define"])), extensions(("x-confirm" = json!("name"))), tag = "alerts", params(("name" = String, Path), RemoveParams),
    responses((status = 204, description = "It is gone"), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_reason", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn remove_rule(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(params): Query<RemoveParams>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, params.reason)?;
    if check_rule_name(&name).is_ok() && state.store.remove_alert_rule(&name, &order).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(unknown(&name))
}

/// What a rule would have fired at within the last seven days, how often and for how long. Only of the lag of read models there is a history;
/// of all else the answer says so.
#[utoipa::path(post, path = "/api/alert-rules/preview", security(("login" = ["read"])), tag = "alerts", request_body = AlertRuleBody,
    responses((status = 200, body = AlertPreview), (status = 400, description = "bad_json", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_alert_rule, bad_fields", body = Problem, content_type = "application/problem+json")))]
async fn preview(State(state): State<AppState>, request: Request) -> ApiResult<Json<AlertPreview>> {
    let wanted: AlertRuleBody = json(&body(request, &state).await?)?;
    let condition = wanted.condition()?;
    Ok(Json(state.store.preview_alerts(&condition).await?))
}

/// Sends the rule's webhook one message of the type `highwater.alert.test`, now and once, and answers what it said. On record.
#[utoipa::path(post, path = "/api/alert-rules/{name}/test", security(("login" = ["define"])), tag = "alerts", params(("name" = String, Path)),
    responses((status = 200, description = "What it said, or why it did not", body = AlertTest),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "no_webhook", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_alert_rule: what is kept as its webhook is no address", body = Problem, content_type = "application/problem+json")))]
async fn test_rule(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<AlertTest>> {
    let rule = known(&state, &name).await?;
    let Some(given) = &rule.webhook else {
        let detail = format!(
            "{name} has no webhook: what fires by it is seen here and told nobody. Give it one first."
        );
        let problem = Problem::new(409, "no_webhook", "There is nobody to tell", detail);
        return Err(ApiError(problem));
    };
    let address = webhook::address(given)?;
    let secret = state.store.alert_rule_secret(&name).await?;
    let now = state.store.clock().now();
    let telling = test_telling(state.alerts.source(), *state.store.ids(), &rule, now);
    let began = Instant::now();
    let webhooks = state.alerts.webhooks();
    let said = webhooks
        .tell(&address, secret.as_deref(), &telling.body)
        .await;
    let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let test = match said {
        Ok(said) => AlertTest {
            taken: said.taken,
            status: Some(said.status),
            said: said.words,
            took_ms,
        },
        Err(error) => AlertTest {
            taken: false,
            status: None,
            said: error.to_string(),
            took_ms,
        },
    };
    let order = order(&caller, None)?;
    let after = json!({"rule": name, "webhook": webhook_host(given), "taken": test.taken});
    let noted = state
        .store
        .note_action(&order, "test_alert_rule", None, json!({}), after);
    noted.await?;
    Ok(Json(test))
}

async fn known(state: &AppState, name: &str) -> ApiResult<AlertRule> {
    // What can't be a name is none, and may be no text for the database.
    if check_rule_name(name).is_err() {
        return Err(unknown(name));
    }
    let found = state.store.alert_rule(name).await?;
    found.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> ApiError {
    let detail = format!("There is no rule {name:?}; GET /api/alert-rules lists them.");
    ApiError::not_found("alert rule", detail)
}

/// A rule as this caller sees it.
fn shown(caller: &Caller, mut rule: AlertRule) -> AlertRule {
    if !caller.may(Right::Define) {
        rule.webhook = rule.webhook.map(|whole| webhook_host(&whole).to_owned());
    }
    rule
}

impl From<AlertRuleFault> for ApiError {
    fn from(fault: AlertRuleFault) -> Self {
        let problem = Problem::new(
            422,
            "bad_alert_rule",
            "The rule is not right",
            fault.to_string(),
        );
        Self(problem.with("field", fault.field))
    }
}

impl From<AlertRuleError> for ApiError {
    fn from(error: AlertRuleError) -> Self {
        match error {
            AlertRuleError::Fault(fault) => fault.into(),
            AlertRuleError::Store(error) => error.into(),
            AlertRuleError::Refused(detail) => Self(Problem::new(
                409,
                "refused",
                "There are too many rules",
                detail,
            )),
            _ => {
                tracing::error!(%error, "a request about alerts failed inside");
                Self(super::problem::internal())
            }
        }
    }
}
