//! Maintenance, which pauses all read models by one order: `GET /api/maintenance`, `PUT`, `DELETE`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use highwater_model::{Maintenance, MaintenanceAnswer, OrderBody, Problem};
use highwater_store::MaintenanceError;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::Query;
use super::orders::{order, order_of, with_reason};
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(now, begin, end))
}

/// Whether maintenance is on: who began it, why, since when. Onlookers are told since when.
#[utoipa::path(get, path = "/api/maintenance", security(("login" = ["read"]), ("login" = ["look"])), tag = "operate",
    responses((status = 200, body = MaintenanceAnswer),
              (status = 403, description = "not_allowed: a link to a recording shows nothing of now", body = Problem, content_type = "application/problem+json")))]
async fn now(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Json<MaintenanceAnswer>> {
    if caller.film.is_some() {
        return Err(ApiError(sight::only_a_recording()));
    }
    let now = state.store.maintenance().await?;
    let maintenance = now.map(|now| sight::maintenance(&caller.sight(), now));
    Ok(Json(MaintenanceAnswer { maintenance }))
}

/// Pauses all read models, shadows included, on every server of the store; it needs a reason. Once it is answered no checkpoint moves any
/// more: a slice that is being handled has ended, or after a second is undone. Subscriptions and appends go on, and each read model's own
/// state stays what it is.
#[utoipa::path(put, path = "/api/maintenance", security(("login" = ["operate"])), tag = "operate", request_body = OrderBody,
    responses((status = 200, description = "It is on", body = Maintenance),
              (status = 409, description = "maintenance: it is on already; busy: an order to a read model is not through", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "reason_missing", body = Problem, content_type = "application/problem+json")))]
async fn begin(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Json<Maintenance>> {
    let order = with_reason(order_of(&caller, request, &state).await?)?;
    Ok(Json(state.read_models.begin_maintenance(&order).await?))
}

/// Why it is ended.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EndParams {
    /// The audit log keeps it.
    reason: Option<String>,
}

/// Lets run what ran before; what was paused by itself stays paused.
#[utoipa::path(delete, path = "/api/maintenance", security(("login" = ["operate"])), tag = "operate", params(EndParams),
    responses((status = 204, description = "It is off"),
              (status = 409, description = "no_maintenance: it is off already", body = Problem, content_type = "application/problem+json")))]
async fn end(
    State(state): State<AppState>,
    Query(params): Query<EndParams>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<StatusCode> {
    let order = order(&caller, params.reason)?;
    state.read_models.end_maintenance(&order).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What can't be ordered because it is on.
pub(super) fn is_on(maintenance: &Maintenance, detail: String) -> Problem {
    Problem::new(409, "maintenance", "Maintenance is on", detail)
        .with("by", maintenance.by.clone())
        .with("reason", maintenance.reason.clone())
        .with("since", maintenance.since.to_string())
}

impl From<MaintenanceError> for ApiError {
    fn from(error: MaintenanceError) -> Self {
        let detail = error.to_string();
        Self(match error {
            MaintenanceError::IsOn { maintenance } => is_on(&maintenance, detail),
            MaintenanceError::IsOff => {
                Problem::new(409, "no_maintenance", "Maintenance is not on", detail)
            }
            MaintenanceError::NoReason => {
                Problem::new(422, "reason_missing", "A reason is missing", detail)
                    .with("field", "reason")
            }
            MaintenanceError::Busy => Problem::new(
                409,
                "busy",
                "An order to a read model is not through",
                detail,
            ),
            MaintenanceError::Store(error) => return error.into(),
            _ => {
                tracing::error!(error = %detail, "a request about maintenance failed inside");
                super::problem::internal()
            }
        })
    }
}
