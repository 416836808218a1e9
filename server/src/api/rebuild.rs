//! The rebuild of a read model: `POST …/plan`, `…/rebuild`, `GET …/diff`, `POST …/promote`, `…/go-back`, `…/discard`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{
    DiffKind, DiffPage, DiscardBody, Job, PlanBody, PlanKind, Problem, PromoteBody, ReadModel,
    ReadModelDiff, RebuildBody, RebuildPlan, ReplayFrom, ReplayPlan,
};
use highwater_store::read_models::Order;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, json, limit};
use super::orders::{order, with_reason};
use super::problem::{ApiError, ApiResult};
use super::read_model::known_name;
use crate::caller::Caller;
use crate::identity::seen::{self, Seen, ordered};
use crate::state::AppState;

/// Rows of a diff's page unless the caller says.
const DIFF_ROWS: i64 = 100;

/// The calls of this area. They last: a probe is run, two versions are compared, a swap waits for its moment.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(plan))
        .routes(routes!(rebuild))
        .routes(routes!(diff))
        .routes(routes!(promote))
        .routes(routes!(go_back))
        .routes(routes!(discard))
}

/// What was planned.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum PlanAnswer {
    /// Of `rebuild`.
    Rebuild(RebuildPlan),
    /// Of `replay`.
    Replay(ReplayPlan),
}

/// What a rebuild or a replay will cost: events counted, time measured, disk. Nothing is changed.
#[utoipa::path(post, path = "/api/read-models/{name}/plan", security(("login" = ["read"])), tag = "read models", params(("name" = String, Path)), request_body = Option<PlanBody>,
    responses((status = 200, body = PlanAnswer),
              (status = 422, description = "bad_start: a replay begins at one of from and since", body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: there is nothing to rebuild", body = Problem, content_type = "application/problem+json")))]
async fn plan(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request,
) -> ApiResult<Json<PlanAnswer>> {
    known_name(&name)?;
    let sent = body(request, &state).await?;
    let PlanBody { kind, from, since } = if sent.is_empty() {
        PlanBody::default()
    } else {
        json(&sent)?
    };
    let from = from
        .map(ReplayFrom::Position)
        .into_iter()
        .chain(since.map(ReplayFrom::Time));
    let from: Vec<ReplayFrom> = from.collect();
    Ok(Json(match (kind, &*from) {
        (PlanKind::Rebuild, []) => {
            let plan = state.read_models.plan_rebuild(&name);
            let mut plan = ordered(&state, &caller, &name, plan).await?;
            let seen = Seen::by(&state, &caller).await?;
            seen.warnings(&name, &mut plan.warnings);
            PlanAnswer::Rebuild(plan)
        }
        (PlanKind::Replay, [from]) => {
            let plan = state.read_models.plan_replay(&name, *from);
            let mut plan = ordered(&state, &caller, &name, plan).await?;
            let seen = Seen::by(&state, &caller).await?;
            seen.warnings(&name, &mut plan.warnings);
            PlanAnswer::Replay(plan)
        }
        _ => {
            return Err(ApiError(Problem::new(
                422,
                "bad_start",
                "Where it begins is not right",
                "A replay begins at a position (from) or at a moment (since), one of the two; a rebuild begins at the first event, with neither.",
            )));
        }
    }))
}

/// Builds the definition that waits, or else the live one again, in a shadow beside the live version. The job says how it goes.
#[utoipa::path(post, path = "/api/read-models/{name}/rebuild", security(("login" = ["operate"])), tag = "read models", params(("name" = String, Path)), request_body = RebuildBody,
    responses((status = 202, description = "It runs", body = Job),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: a job or a shadow is there; plan_stale; maintenance: it is on", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "plan_missing", body = Problem, content_type = "application/problem+json")))]
async fn rebuild(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Job>)> {
    known_name(&name)?;
    let sent = body(request, &state).await?;
    let sent: RebuildBody = if sent.is_empty() {
        RebuildBody::default()
    } else {
        json(&sent)?
    };
    let order = order(&caller, sent.reason)?;
    let plan = sent.plan.filter(|plan| plan.read_model == name);
    let plan = written(&plan.ok_or_else(|| plan_missing(&name, "rebuild"))?)?;
    let rebuild = state.read_models.rebuild(&name, &order, &plan);
    let job_id = ordered(&state, &caller, &name, rebuild).await?;
    started(&state, &caller, job_id).await
}

/// Whoever orders something long sends the plan that was shown.
pub(super) fn plan_missing(name: &str, kind: &str) -> ApiError {
    ApiError(Problem::new(
        422,
        "plan_missing",
        "The plan is missing",
        format!(
            "A {kind} is ordered with its plan, so that whoever orders it has seen what it costs: POST /api/read-models/{name}/plan, and send its answer as \"plan\"."
        ),
    ))
}

/// A plan as the job keeps it.
pub(super) fn written(plan: &impl Serialize) -> ApiResult<serde_json::Value> {
    serde_json::to_value(plan).map_err(|error| {
        tracing::error!(%error, "a plan could not be written down");
        ApiError(super::problem::internal())
    })
}

/// The job that an order began.
pub(super) async fn started(
    state: &AppState,
    caller: &Caller,
    job_id: i64,
) -> ApiResult<(StatusCode, Json<Job>)> {
    let job = seen::job(state, caller, job_id).await?;
    Ok((StatusCode::ACCEPTED, Json(job)))
}

/// Which rows that differ.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DiffParams {
    /// Rows of this table; without it, every table is counted.
    table: Option<String>,
    /// With `table`: rows that only the shadow has (`added`), only the live one (`removed`), or both (`changed`, unless given).
    kind: Option<DiffKind>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
}

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum DiffAnswer {
    /// Without `table`.
    Counted(ReadModelDiff),
    /// With it.
    Rows(DiffPage),
}

/// The shadow against the live version at the same position: every table counted, or the rows of one that differ in one way.
#[utoipa::path(get, path = "/api/read-models/{name}/diff", security(("login" = ["read"])), tag = "read models", params(("name" = String, Path), DiffParams),
    responses((status = 200, body = DiffAnswer),
              (status = 403, description = "masked: its rows may hold masked fields", body = Problem, content_type = "application/problem+json"),
              (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: there is no shadow", body = Problem, content_type = "application/problem+json")))]
async fn diff(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(params): Query<DiffParams>,
) -> ApiResult<Json<DiffAnswer>> {
    known_name(&name)?;
    let limit = limit(params.limit)?;
    state.store.read_model(&name).await?;
    // Before, as a diff that somebody was shown lets a promotion through; and after, as a definition may come meanwhile.
    seen::rows(&state, &caller, &name).await?;
    let Some(table) = params.table else {
        if params.kind.is_some() || params.cursor.is_some() || params.limit.is_some() {
            return Err(ApiError::bad_request(
                "bad_query",
                "The query parameters are not right",
                "kind, cursor and limit are of the rows of one table; name it with table, or leave them out to have every table counted.",
            ));
        }
        let diff = state.read_models.diff(&name).await?;
        seen::rows(&state, &caller, &name).await?;
        return Ok(Json(DiffAnswer::Counted(diff)));
    };
    let page = state.read_models.diff_rows(
        &name,
        &table,
        params.kind.unwrap_or(DiffKind::Changed),
        params.cursor.as_deref(),
        i64::try_from(limit).unwrap_or(DIFF_ROWS),
    );
    let page = page.await?;
    seen::rows(&state, &caller, &name).await?;
    Ok(Json(DiffAnswer::Rows(page)))
}

/// Makes the shadow live, in one transaction. It needs a reason and a diff that somebody has looked at lately. The job ends when the
/// new live version was seen to live.
#[utoipa::path(post, path = "/api/read-models/{name}/promote", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "read models", params(("name" = String, Path)), request_body = PromoteBody,
    responses((status = 202, description = "It is live; the job looks after it", body = Job),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: there is no shadow, or a job runs; diff_missing; maintenance: it is on", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn promote(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Job>)> {
    let order = order_to_swap(&state, &name, &caller, request).await?;
    let promote = state.read_models.promote(&name, &order);
    let job_id = ordered(&state, &caller, &name, promote).await?;
    started(&state, &caller, job_id).await
}

/// Makes the previous version live again, once it has caught up with what happened since. It needs a reason.
#[utoipa::path(post, path = "/api/read-models/{name}/go-back", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "read models", params(("name" = String, Path)), request_body = PromoteBody,
    responses((status = 202, description = "It catches up, then it is live", body = Job),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: there is no previous version, or a job runs; maintenance: it is on", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn go_back(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Job>)> {
    let order = order_to_swap(&state, &name, &caller, request).await?;
    let go_back = state.read_models.go_back(&name, &order);
    let job_id = ordered(&state, &caller, &name, go_back).await?;
    started(&state, &caller, job_id).await
}

/// Drops the shadow or the previous version with its rows. It needs a reason.
#[utoipa::path(post, path = "/api/read-models/{name}/discard", security(("login" = ["operate"])), extensions(("x-confirm" = json!("name"))), tag = "read models", params(("name" = String, Path)), request_body = DiscardBody,
    responses((status = 200, description = "As it is now", body = ReadModel),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 409, description = "refused: there is no such version, or a job runs", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn discard(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<ReadModel>> {
    known_name(&name)?;
    let sent: DiscardBody = json(&body(request, &state).await?)?;
    let order = with_reason(order(&caller, sent.reason)?)?;
    state.store.read_model(&name).await?;
    let version = sent.version;
    let discard = state.read_models.discard(&name, version, &order);
    ordered(&state, &caller, &name, discard).await?;
    Ok(Json(seen::read_model(&state, &caller, &name).await?))
}

/// The order in a request that changes which version is live.
async fn order_to_swap(
    state: &AppState,
    name: &str,
    caller: &Caller,
    request: Request,
) -> ApiResult<Order> {
    known_name(name)?;
    let sent = body(request, state).await?;
    let sent: PromoteBody = if sent.is_empty() {
        PromoteBody::default()
    } else {
        json(&sent)?
    };
    let order = with_reason(order(caller, sent.reason)?)?;
    state.store.read_model(name).await?;
    Ok(order)
}
