//! Flows: `GET /api/flows/{correlation_id}`.

use axum::Json;
use axum::extract::State;
use highwater_model::{Problem, RecordedEvent};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::extract::{Path, Query, limit};
use super::problem::{ApiError, ApiResult};
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(flow))
}

/// How much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FlowParams {
    /// 1 to 1,000; 1,000 unless given.
    limit: Option<i64>,
}

/// Every event of one flow.
#[derive(Debug, Serialize, ToSchema)]
struct Flow {
    /// The flow.
    correlation_id: Uuid,
    /// Its events, oldest first.
    events: Vec<RecordedEvent>,
}

/// Every event with one correlation id.
#[utoipa::path(get, path = "/api/flows/{correlation_id}", tag = "read", params(("correlation_id" = Uuid, Path), FlowParams),
    responses((status = 200, body = Flow), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn flow(
    State(state): State<AppState>,
    Path(correlation_id): Path<Uuid>,
    Query(params): Query<FlowParams>,
) -> ApiResult<Json<Flow>> {
    let events = state
        .store
        .flow(correlation_id, limit(params.limit.or(Some(1_000)))?)
        .await?;
    if events.is_empty() {
        return Err(ApiError::not_found(
            "flow",
            format!("No event has the correlation id {correlation_id}."),
        ));
    }
    Ok(Json(Flow {
        correlation_id,
        events,
    }))
}
