//! `GET /healthz`, `GET /readyz`, `GET /metrics`.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use highwater_model::{Mark, Problem};
use highwater_store::StoreError;
use tokio::time::timeout;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::{ApiError, ApiResult};
use crate::exposition;
use crate::state::AppState;

/// How old the feed's last look at the log may be: it looks once a second when nothing happens.
const STALE: Duration = Duration::from_secs(10);
/// How long the database may take to say where the mark is: probes wait for some seconds.
const ANSWER: Duration = Duration::from_secs(3);
/// How long its answer does for all who probe: anybody may, as often as they like.
const PROBED: Duration = Duration::from_secs(1);

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// The process runs.
#[utoipa::path(get, path = "/healthz", security(()), tag = "operate", responses((status = 200, body = String, content_type = "text/plain")))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers, its schema fits, the mark moves.
#[utoipa::path(get, path = "/readyz", security(()), tag = "operate",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn readyz(State(state): State<AppState>) -> ApiResult<&'static str> {
    let not_ready = |detail: String| {
        ApiError(Problem::new(503, "not_ready", "Not ready", detail).with("retry_after", 1))
    };
    if state.draining.is_cancelled() {
        return Err(not_ready("The server is stopping.".to_owned()));
    }
    // A network that is cut says nothing, and who asks wants an answer.
    let Ok(mark) = timeout(ANSWER, probed(&state)).await else {
        let silent = format!("no answer within {} s", ANSWER.as_secs());
        return Err(StoreError::Unavailable(silent).into());
    };
    let mark = mark?;
    let health = state.feed.health();
    if let Some(fault) = health.fault {
        return Err(not_ready(format!("The feed stands still: {fault}.")));
    }
    if health.seen > STALE && mark.position > state.feed.head() {
        return Err(not_ready(format!(
            "The feed is at {}, the mark at {}, and it has not moved for {} s.",
            state.feed.head(),
            mark.position,
            health.seen.as_secs()
        )));
    }
    Ok("ready\n")
}

/// Where the mark is, or was a moment ago. One asks at a time; that the database does not answer is not remembered.
async fn probed(state: &AppState) -> Result<Mark, StoreError> {
    let mut probed = state.probed.lock().await;
    if let Some((at, mark)) = probed.as_ref()
        && at.elapsed() < PROBED
    {
        return Ok(mark.clone());
    }
    let mark = state.store.mark().await?;
    *probed = Some((Instant::now(), mark.clone()));
    Ok(mark)
}

/// Prometheus: what is counted and measured, and how the log, read models, subscriptions, jobs and connections are. Answers without the database, too.
#[utoipa::path(get, path = "/metrics", security(("login" = ["watch"])), tag = "operate", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        exposition::scrape(&state).await,
    )
}
