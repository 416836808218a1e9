//! What is on record, as a file: `GET /api/actions/export`, `GET /api/jobs/export`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use highwater_model::{Action, Job, JobKind, JobState, Problem};
use highwater_store::read_models::{ActionQuery, JobQuery};
use highwater_store::{Store, StoreError};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::actions::wanted;
use super::download::{Exported, FileFormat, download};
use super::extract::{Query, not_negative};
use super::problem::ApiResult;
use crate::caller::Caller;
use crate::identity::seen::Seen;
use crate::state::AppState;

/// Records read at once.
const PAGE: i64 = 1_000;

/// The calls of this area.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(actions_export))
        .routes(routes!(jobs_export))
}

/// Which actions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ActionsExportParams {
    /// `csv`, or `ndjson` unless given.
    format: Option<FileFormat>,
    /// Of one read model.
    read_model: Option<String>,
    /// Of one subscription.
    subscription: Option<String>,
    /// Of one kind.
    action: Option<String>,
    /// Of one operator.
    actor: Option<String>,
    /// Of one job: its order, what was ordered of it, and what became of it.
    job: Option<i64>,
}

/// The audit log as a file, the newest first.
#[utoipa::path(get, path = "/api/actions/export", security(("login" = ["read"])), tag = "operate", params(ActionsExportParams),
    responses((status = 200, description = "An action a line", content((Action = "application/x-ndjson"), (String = "text/csv"))),
              (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn actions_export(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<ActionsExportParams>,
) -> ApiResult<Response> {
    let query = ActionQuery {
        read_model: wanted("read_model", params.read_model)?,
        subscription: wanted("subscription", params.subscription)?,
        action: wanted("action", params.action)?,
        actor: wanted("actor", params.actor)?,
        job: not_negative("job", params.job)?,
        before: None,
        limit: PAGE,
    };
    let format = params.format.unwrap_or_default();
    let sees = Arc::new(Seen::by(&state, &caller).await?);
    let seen = move |action: Action| sees.action(action);
    let store = state.store.clone();
    Ok(download::<Action>(store, query, "actions", format, seen))
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsExportParams {
    /// `csv`, or `ndjson` unless given.
    format: Option<FileFormat>,
    /// Of one read model.
    read_model: Option<String>,
    /// Of one kind.
    kind: Option<JobKind>,
    /// In one state.
    state: Option<JobState>,
}

/// Jobs as a file, the newest first.
#[utoipa::path(get, path = "/api/jobs/export", security(("login" = ["read"])), tag = "operate", params(JobsExportParams),
    responses((status = 200, description = "A job a line", content((Job = "application/x-ndjson"), (String = "text/csv"))),
              (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn jobs_export(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<JobsExportParams>,
) -> ApiResult<Response> {
    let query = JobQuery {
        read_model: wanted("read_model", params.read_model)?,
        kind: params.kind,
        state: params.state,
        before: None,
        limit: PAGE,
    };
    let format = params.format.unwrap_or_default();
    let sees = Arc::new(Seen::by(&state, &caller).await?);
    let seen = move |job: Job| sees.job(job);
    let store = state.store.clone();
    Ok(download::<Job>(store, query, "jobs", format, seen))
}

impl Exported for Action {
    const NAMES: &'static [&'static str] = &[
        "id",
        "at",
        "actor",
        "action",
        "read_model",
        "subscription",
        "reason",
        "before",
        "after",
        "outcome",
    ];

    type Query = ActionQuery;
    type Cursor = i64;

    async fn read(
        store: &Store,
        query: &ActionQuery,
        before: Option<i64>,
    ) -> Result<(Vec<Self>, Option<i64>), StoreError> {
        let query = ActionQuery {
            before,
            ..query.clone()
        };
        let page = store.find_actions(&query).await?;
        let next = next(page.len(), page.last().map(|last| last.id));
        Ok((page, next))
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.at.to_string(),
            self.actor.clone(),
            self.action.clone(),
            self.read_model.clone().unwrap_or_default(),
            self.subscription.clone().unwrap_or_default(),
            self.reason.clone().unwrap_or_default(),
            self.before.to_string(),
            self.after.to_string(),
            self.outcome.clone(),
        ]
    }
}

impl Exported for Job {
    const NAMES: &'static [&'static str] = &[
        "id",
        "kind",
        "read_model",
        "version_id",
        "actor",
        "reason",
        "state",
        "created_at",
        "started_at",
        "ended_at",
        "done",
        "total",
        "outcome",
        "plan",
        "numbers",
    ];

    type Query = JobQuery;
    type Cursor = i64;

    async fn read(
        store: &Store,
        query: &JobQuery,
        before: Option<i64>,
    ) -> Result<(Vec<Self>, Option<i64>), StoreError> {
        let query = JobQuery {
            before,
            ..query.clone()
        };
        let page = store.find_jobs(&query).await?;
        let next = next(page.len(), page.last().map(|last| last.id));
        Ok((page, next))
    }

    fn fields(&self) -> Vec<String> {
        let text = |value: &Option<jiff::Timestamp>| {
            value.map_or_else(String::new, |value| value.to_string())
        };
        vec![
            self.id.to_string(),
            self.kind.as_str().to_owned(),
            self.read_model.clone(),
            self.version_id
                .map_or_else(String::new, |id| id.to_string()),
            self.actor.clone(),
            self.reason.clone().unwrap_or_default(),
            self.state.as_str().to_owned(),
            self.created_at.to_string(),
            text(&self.started_at),
            text(&self.ended_at),
            self.done.to_string(),
            self.total.to_string(),
            self.outcome.clone().unwrap_or_default(),
            self.plan.to_string(),
            self.numbers.to_string(),
        ]
    }
}

/// Where the page after one of this length begins: before its last record.
fn next(length: usize, last: Option<i64>) -> Option<i64> {
    last.filter(|_| i64::try_from(length).is_ok_and(|length| length >= PAGE))
}
