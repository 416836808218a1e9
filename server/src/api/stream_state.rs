//! What a stream was: `GET /api/streams/{stream}/state` and what is below it, `GET /api/streams/{stream}/timeline`.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use highwater_engine::StateError;
use highwater_model::{
    Problem, StateDifference, StateFolding, StateFound, StreamName, StreamState, StreamTimeline,
    Version,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, not_negative, shorten};
use super::problem::{ApiError, ApiResult};
use super::stream::missing;
use crate::caller::Caller;
use crate::identity::{seen_states, sight};
use crate::state::AppState;

/// Marks of a timeline unless the caller says how many.
const MARKS: i64 = 2_000;
/// Marks of a timeline at most.
const MOST_MARKS: i64 = 5_000;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(state_at))
        .routes(routes!(state_changes))
        .routes(routes!(state_first))
        .routes(routes!(timeline))
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Store(error) => error.into(),
            StateError::Definition(error) => error.into(),
            StateError::Folding(_) => Self(
                Problem::new(
                    503,
                    "state_folding",
                    "The state is not folded yet",
                    error.to_string(),
                )
                .with("retry_after", 1),
            ),
            StateError::NoStream(stream) => missing(&stream),
            StateError::NoVersion { last, .. } => {
                let Self(problem) = Self::not_found("version", error.to_string());
                Self(problem.with("last_version", last.0))
            }
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AtParams {
    /// The newest unless given.
    version: Option<i64>,
    /// The event's data, and values that it changed, of more than so many bytes, 1,000 at least, are given in short.
    shorten: Option<i64>,
    /// Milliseconds that the caller waits, 1 to 10,000. If a long stream takes longer, the answer is 202 and says how far it is; the same call
    /// again goes on from there. Unless given, the state is waited for.
    within_ms: Option<i64>,
}

/// Milliseconds that a caller can ask to wait.
const WITHIN: std::ops::RangeInclusive<i64> = 1..=10_000;

/// The state of a stream after one of its events, what that event changed, and who gave each field its value.
#[utoipa::path(get, path = "/api/streams/{stream}/state", security(("login" = ["read"])), tag = "read", params(("stream" = String, Path), AtParams),
    responses((status = 200, body = StreamState), (status = 202, body = StateFolding),
        (status = 403, description = "masked: a definition made it of masked fields", body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn state_at(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
    Query(params): Query<AtParams>,
) -> ApiResult<Response> {
    let stream = StreamName::new(stream)?;
    let version = not_negative("version", params.version)?.map(Version);
    let shorten = shorten(params.shorten)?;
    if params.within_ms.is_some_and(|ms| !WITHIN.contains(&ms)) {
        return Err(ApiError::bad_request(
            "bad_query",
            "The query parameters are not right",
            format!(
                "within_ms is a number from {} to {}.",
                WITHIN.start(),
                WITHIN.end()
            ),
        ));
    }
    let within = params.within_ms.and_then(|ms| u64::try_from(ms).ok());
    let within = within.map(Duration::from_millis);
    match state.states.at(&stream, version, within).await {
        Ok(found) => {
            let mut found = seen_states::state(&state, &caller, found).await?;
            if let Some(bytes) = shorten {
                found.shorten(bytes);
            }
            Ok(Json(found).into_response())
        }
        Err(StateError::Folding(folding)) => {
            Ok((StatusCode::ACCEPTED, Json(folding)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChangesParams {
    /// The version of the state before.
    from: i64,
    /// The version of the state after; it may be the earlier one.
    to: i64,
}

/// The difference of two states of a stream.
#[utoipa::path(get, path = "/api/streams/{stream}/state/changes", security(("login" = ["read"])), tag = "read", params(("stream" = String, Path), ChangesParams),
    responses((status = 200, body = StateDifference),
        (status = 403, description = "masked: a definition made them of masked fields", body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn state_changes(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
    Query(params): Query<ChangesParams>,
) -> ApiResult<Json<StateDifference>> {
    let stream = StreamName::new(stream)?;
    not_negative("from", Some(params.from))?;
    not_negative("to", Some(params.to))?;
    let (from, to) = (Version(params.from), Version(params.to));
    let found = state.states.changes(&stream, from, to).await?;
    let found = seen_states::difference(&state, &caller, found);
    Ok(Json(found.await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FirstParams {
    /// A filter line; `data` is the state: `data.status:paid data.total>100`.
    condition: String,
    /// The first version that is looked at; 0 unless given. To go on, one more than `looked_up_to`.
    from: Option<i64>,
}

/// The first version of a stream at which its state meets a condition. It is looked for for some seconds; `looked_up_to` says how far.
#[utoipa::path(get, path = "/api/streams/{stream}/state/first", security(("login" = ["read"])), tag = "read", params(("stream" = String, Path), FirstParams),
    responses((status = 200, body = StateFound), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "not_allowed: the condition asks for what you may not see; masked", body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn state_first(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
    Query(params): Query<FirstParams>,
) -> ApiResult<Json<StateFound>> {
    let stream = StreamName::new(stream)?;
    let condition = sight::condition(&caller, &params.condition)?;
    if condition.is_empty() {
        return Err(ApiError::bad_request(
            "bad_condition",
            "There is no condition",
            "Give a condition on the state as a filter line, such as data.status:paid.",
        ));
    }
    let from = not_negative("from", params.from)?.unwrap_or(0);
    let found = state.states.first(&stream, &condition, Version(from));
    let found = seen_states::first(&state, &caller, found.await?);
    Ok(Json(found.await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TimelineParams {
    /// The first version, inclusive; 0 unless given.
    from: Option<i64>,
    /// The last version, inclusive; the newest unless given.
    to: Option<i64>,
    /// 1 to 5,000; 2,000 unless given. Of more events, evenly many are shown.
    marks: Option<i64>,
}

/// A stream's events over time, without their data.
#[utoipa::path(get, path = "/api/streams/{stream}/timeline", security(("login" = ["read"])), tag = "read", params(("stream" = String, Path), TimelineParams),
    responses((status = 200, body = StreamTimeline), (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn timeline(
    State(state): State<AppState>,
    Path(stream): Path<String>,
    Query(params): Query<TimelineParams>,
) -> ApiResult<Json<StreamTimeline>> {
    let stream = StreamName::new(stream)?;
    let from = not_negative("from", params.from)?.map(Version);
    let to = not_negative("to", params.to)?.map(Version);
    let marks = params.marks.unwrap_or(MARKS);
    if !(1..=MOST_MARKS).contains(&marks) {
        return Err(ApiError::bad_request(
            "bad_query",
            "The query parameters are not right",
            format!("marks is a number from 1 to {MOST_MARKS}."),
        ));
    }
    let found = state.store.timeline(&stream, from, to, marks).await?;
    found.map(Json).ok_or_else(|| missing(&stream))
}
