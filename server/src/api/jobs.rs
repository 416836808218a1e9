//! Jobs: `GET /api/jobs`, `GET /api/jobs/{id}`, `POST …/cancel`, `…/speed`.

use axum::extract::{Request, State};
use axum::{Extension, Json};
use highwater_model::{Job, JobKind, JobState, OrderBody, Problem, SpeedBody};
use highwater_store::read_models::JobQuery;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::actions::wanted;
use super::extract::{Path, Query, body, json, limit, not_negative};
use super::orders::{order, order_of};
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::seen::{self, Seen};
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(jobs))
        .routes(routes!(job))
        .routes(routes!(speed))
}

/// Those that last: to cancel, a slice that is being handled is waited for.
pub fn lasting_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(cancel))
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsParams {
    /// Of one read model.
    read_model: Option<String>,
    /// Of one kind.
    kind: Option<JobKind>,
    /// In one state.
    state: Option<JobState>,
    /// Only ids smaller than this: the last one of the page before.
    before: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// Jobs, the newest first.
#[utoipa::path(get, path = "/api/jobs", security(("login" = ["read"])), tag = "operate", params(JobsParams),
    responses((status = 200, body = Vec<Job>), (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn jobs(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<JobsParams>,
) -> ApiResult<Json<Vec<Job>>> {
    let query = JobQuery {
        read_model: wanted("read_model", params.read_model)?,
        kind: params.kind,
        state: params.state,
        before: not_negative("before", params.before)?,
        limit: i64::try_from(limit(params.limit)?).unwrap_or(100),
    };
    let jobs = state.store.find_jobs(&query).await?;
    let seen = Seen::by(&state, &caller).await?;
    Ok(Json(seen.jobs(jobs)))
}

/// One job: how it goes, when it will be ready, what became of it.
#[utoipa::path(get, path = "/api/jobs/{id}", security(("login" = ["read"])), tag = "operate", params(("id" = i64, Path)),
    responses((status = 200, body = Job), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn job(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<i64>,
) -> ApiResult<Json<Job>> {
    Ok(Json(seen::job(&state, &caller, id).await?))
}

/// Cancels a job that runs. Of a rebuild nothing is left; the live version is not touched.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", security(("login" = ["operate"])), tag = "operate", params(("id" = i64, Path)), request_body = Option<OrderBody>,
    responses((status = 200, description = "As it is now", body = Job),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is over, or can't be cancelled any more; maintenance: it is on, and a replay's checkpoint would move", body = Problem, content_type = "application/problem+json")))]
async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Job>> {
    let order = order_of(&caller, request, &state).await?;
    state.read_models.cancel(id, &order).await?;
    Ok(Json(seen::job(&state, &caller, id).await?))
}

/// Sets how many events a second a job handles at most.
#[utoipa::path(post, path = "/api/jobs/{id}/speed", security(("login" = ["operate"])), tag = "operate", params(("id" = i64, Path)), request_body = SpeedBody,
    responses((status = 200, description = "As it is now", body = Job),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: it is over", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_speed", body = Problem, content_type = "application/problem+json")))]
async fn speed(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Job>> {
    let SpeedBody { limit, reason } = json(&body(request, &state).await?)?;
    if let Some(limit @ ..1) = limit {
        return Err(ApiError(
            Problem::new(
                422,
                "bad_speed",
                "The speed is not right",
                format!("A speed is one event a second or more; this is {limit}. Send null for no limit, or cancel the job to stop it."),
            )
            .with("field", "limit"),
        ));
    }
    let order = order(&caller, reason)?;
    state.read_models.set_speed(id, limit, &order).await?;
    Ok(Json(seen::job(&state, &caller, id).await?))
}
