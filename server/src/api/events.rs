//! The log: `GET /api/events`, `GET /api/events/{id}`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{EventPage, EventWithCauses, Position, Problem};
use highwater_store::{Direction, LogQuery};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::extract::{Path, Query, limit, not_negative, shorten};
use super::problem::{ApiError, ApiResult};
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_log))
        .routes(routes!(find_event))
}

/// Which way.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Oldest first.
    #[default]
    Forward,
    /// Newest first.
    Backward,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Forward => Self::Forward,
            Way::Backward => Self::Backward,
        }
    }
}

/// Which part of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogParams {
    /// Only positions greater than this.
    after: Option<i64>,
    /// Only positions smaller than this.
    before: Option<i64>,
    /// 1 to 1,000; 100 unless given.
    limit: Option<i64>,
    /// `forward` unless given.
    direction: Option<Way>,
    /// The filter line.
    filter: Option<String>,
    /// Data of more than so many bytes, 1,000 at least, is given in short, and `data_bytes` says how many it has.
    shorten: Option<i64>,
}

/// The log by position.
#[utoipa::path(get, path = "/api/events", security(("login" = ["read"]), ("login" = ["look"])), tag = "read", params(LogParams),
    responses((status = 200, body = EventPage), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "not_allowed: the filter asks for what you may not see", body = Problem, content_type = "application/problem+json")))]
async fn read_log(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<LogParams>,
) -> ApiResult<Json<EventPage>> {
    let query = LogQuery {
        after: not_negative("after", params.after)?.map(Position),
        before: not_negative("before", params.before)?.map(Position),
        limit: limit(params.limit)?,
        direction: params.direction.unwrap_or_default().into(),
        filter: sight::filter(&caller, params.filter.as_deref())?,
    };
    let shorten = shorten(params.shorten)?;
    let mut page = sight::events(&caller.sight(), state.store.read_log(query).await?);
    if let Some(bytes) = shorten {
        page.events
            .iter_mut()
            .for_each(|event| event.shorten(bytes));
    }
    Ok(Json(page))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventParams {
    /// Data of more than so many bytes, 1,000 at least, is given in short, and `data_bytes` says how many it has.
    shorten: Option<i64>,
}

/// One event, with what caused it and what it caused.
#[utoipa::path(get, path = "/api/events/{id}", security(("login" = ["read"])), tag = "read", params(("id" = Uuid, Path), EventParams),
    responses((status = 200, body = EventWithCauses), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn find_event(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<Uuid>,
    Query(params): Query<EventParams>,
) -> ApiResult<Json<EventWithCauses>> {
    let shorten = shorten(params.shorten)?;
    match state.store.event(id).await? {
        Some(found) => {
            // Masked before it is shortened: what is long is told in other words.
            let mut event = sight::event(&caller.sight(), found);
            if let Some(bytes) = shorten {
                event.shorten(bytes);
            }
            Ok(Json(event))
        }
        None => Err(ApiError::not_found(
            "event",
            format!("No event has the id {id}; was it recorded in another store?"),
        )),
    }
}
