//! How many events when: `GET /api/events/histogram`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{Histogram, Problem};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Query, out_of_range, time_range};
use super::problem::ApiResult;
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(histogram))
}

/// Over which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistogramParams {
    /// RFC 3339; 15 minutes before `until` unless given.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// RFC 3339; now unless given.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// 1 to 1,000; 60 unless given.
    buckets: Option<i64>,
    /// The filter line.
    filter: Option<String>,
}

/// Counts over time, by `recorded_at`.
#[utoipa::path(get, path = "/api/events/histogram", security(("login" = ["read"]), ("login" = ["look"])), tag = "read", params(HistogramParams),
    responses((status = 200, body = Histogram), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "not_allowed: the filter asks for what you may not see", body = Problem, content_type = "application/problem+json")))]
async fn histogram(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<HistogramParams>,
) -> ApiResult<Json<Histogram>> {
    let range = time_range(&state, params.since, params.until)?;
    let (since, until) = sight::range(&caller, range)?;
    let buckets = match params.buckets {
        None => 60,
        Some(buckets @ 1..=1_000) => usize::try_from(buckets).unwrap_or(60),
        Some(buckets) => return Err(out_of_range("buckets", buckets, "1 to 1000")),
    };
    let filter = sight::filter(&caller, params.filter.as_deref())?;
    Ok(Json(
        state
            .store
            .histogram(since, until, buckets, &filter)
            .await?,
    ))
}
