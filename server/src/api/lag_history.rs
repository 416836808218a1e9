//! The lag of all read models over time: `GET /api/read-models/lag-history`.

use axum::Json;
use axum::extract::State;
use highwater_model::{LagHistory, Problem};
use highwater_store::read_models::LagHistoryQuery;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Query, out_of_range, time_range};
use super::problem::ApiResult;
use super::read_model::{known_name, live_version};
use crate::state::AppState;

/// A chart with more lines can't be read.
const WORST_MOST: i64 = 20;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(lag_histories))
}

/// Which part of it, and of how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LagHistoryParams {
    /// RFC 3339; 15 minutes before `until` unless given.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// RFC 3339; now unless given.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// Seconds between two points, 1 to 86,400; what makes 120 points at most unless given. Never finer than what is kept: 1 s for an
    /// hour, 10 s for a day, a minute for 30 days.
    step: Option<i64>,
    /// So many that were furthest behind, 1 to 20; 5 unless given.
    worst: Option<i64>,
    /// This one alone.
    read_model: Option<String>,
}

/// How far behind the live versions were, of those that were furthest behind at any moment of the range.
#[utoipa::path(get, path = "/api/read-models/lag-history", security(("login" = ["read"])), tag = "read models", params(LagHistoryParams),
    responses((status = 200, body = LagHistory), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn lag_histories(
    State(state): State<AppState>,
    Query(params): Query<LagHistoryParams>,
) -> ApiResult<Json<LagHistory>> {
    let (since, until) = time_range(&state, params.since, params.until)?;
    let step_s = match params.step {
        Some(step) if !(1..=86_400).contains(&step) => {
            return Err(out_of_range("step", step, "1 to 86400 seconds"));
        }
        step => step,
    };
    let worst = match params.worst {
        None => 5,
        Some(worst @ 1..=WORST_MOST) => worst,
        Some(worst) => return Err(out_of_range("worst", worst, "1 to 20")),
    };
    let name = known(&state, params.read_model).await?;
    let query = LagHistoryQuery {
        since,
        until,
        step_s,
        worst,
        name,
    };
    Ok(Json(state.store.lag_histories(&query).await?))
}

/// A read model that is asked for is there.
pub(super) async fn known(state: &AppState, name: Option<String>) -> ApiResult<Option<String>> {
    if let Some(name) = &name {
        known_name(name)?;
        live_version(state, name).await?;
    }
    Ok(name)
}
