//! `GET /healthz`, `GET /readyz`, `GET /metrics`.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use highwater_model::Problem;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::{ApiError, ApiResult};
use crate::state::AppState;

/// How old the feed's last look at the log may be: it looks once a second when nothing happens.
const STALE: Duration = Duration::from_secs(10);

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
    if state.stopping.is_cancelled() {
        return Err(not_ready("The server is stopping.".to_owned()));
    }
    let mark = state.store.mark().await?;
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

/// Prometheus.
#[utoipa::path(get, path = "/metrics", security(("login" = ["watch"])), tag = "operate", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let mark = state.feed.mark();
    // A gauge is a float by its nature; positions stay exact in it up to 2^53.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    metrics::gauge!("highwater_mark_position").set(mark.position.0 as f64);
    metrics::gauge!("highwater_events_per_second").set(mark.rate);
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        state.metrics.render(),
    )
}
