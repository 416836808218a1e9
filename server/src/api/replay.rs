//! Handling again what was handled: `POST …/replay`, `POST …/rebuild-part`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{Job, Part, PartBody, Problem, ReplayBody, ReplayFrom};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, body, json};
use super::orders::{order, with_reason};
use super::problem::{ApiError, ApiResult};
use super::read_model::known_name;
use super::rebuild::{plan_missing, started, written};
use crate::caller::Caller;
use crate::identity::seen::{self, ordered};
use crate::state::AppState;

/// The calls of this area. They last: a slice that is being handled is waited for, a part is handled at once.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(replay))
        .routes(routes!(rebuild_part))
}

/// Lets the live version handle events again, from where the plan says, if its definition allows it. It needs a reason.
#[utoipa::path(post, path = "/api/read-models/{name}/replay", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "read models", params(("name" = String, Path)), request_body = ReplayBody,
    responses((status = 202, description = "It runs", body = Job),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: its definition does not allow it, it does not run, or a job does; maintenance: it is on", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "plan_missing, reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn replay(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Job>)> {
    known_name(&name)?;
    let sent = body(request, &state).await?;
    let ReplayBody { plan, reason } = if sent.is_empty() {
        ReplayBody::default()
    } else {
        json(&sent)?
    };
    let plan = plan
        .filter(|plan| plan.read_model == name)
        .ok_or_else(|| plan_missing(&name, "replay"))?;
    let order = with_reason(order(&caller, reason)?)?;
    let from = ReplayFrom::Position(plan.from);
    let plan = written(&plan)?;
    let replay = state.read_models.replay(&name, from, &order, &plan);
    let job_id = ordered(&state, &caller, &name, replay).await?;
    started(&state, &caller, job_id).await
}

/// Makes the live rows of one stream or category again, in one transaction, if the definition has such a key. It needs a reason. The
/// job is over when it is answered, done or failed.
#[utoipa::path(post, path = "/api/read-models/{name}/rebuild-part", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "read models", params(("name" = String, Path)), request_body = PartBody,
    responses((status = 200, description = "What came of it", body = Job),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: its definition has no such key, or a job runs; maintenance: it is on", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "part_missing, reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn rebuild_part(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Job>> {
    known_name(&name)?;
    let sent = body(request, &state).await?;
    let sent: PartBody = if sent.is_empty() {
        PartBody::default()
    } else {
        json(&sent)?
    };
    let part = match (sent.stream, sent.category) {
        (Some(stream), None) => Part::Stream(stream),
        (None, Some(category)) => Part::Category(category),
        _ => {
            return Err(ApiError(Problem::new(
                422,
                "part_missing",
                "The part is missing",
                "Rows of one stream or of one category are made again: send {\"stream\": \"order-1\"} or {\"category\": \"order\"}, one of the two.",
            )));
        }
    };
    let order = with_reason(order(&caller, sent.reason)?)?;
    let rebuild = state.read_models.rebuild_part(&name, &part, &order);
    let job_id = ordered(&state, &caller, &name, rebuild).await?;
    Ok(Json(seen::job(&state, &caller, job_id).await?))
}
