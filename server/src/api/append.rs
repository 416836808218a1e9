//! Appending events: `POST /api/streams/{stream}/events`, `POST /api/events`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use highwater_model::{
    AppendToStream, Appended, ExpectedVersion, Problem, ProposedEvent, StreamName,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::append_traced::keep_trace;
use super::cloud_events;
use super::extract::{Path, media_type};
use super::few::{few, few_in_all};
use super::problem::{ApiError, ApiResult};
use crate::limits::append_body;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(append_to_stream))
        .routes(routes!(append_to_streams))
}

/// Appends an array of events to one stream, atomically. The same ids again: 200 with the first answer.
#[utoipa::path(post, path = "/api/streams/{stream}/events", security(("login" = ["append"])), tag = "append",
    params(("stream" = String, Path, description = "The stream's name, percent-encoded"),
           ("Expected-Version" = Option<String>, Header, description = "any (default), none, exists or a number")),
    request_body(content((Vec<ProposedEvent> = "application/json"), (Object = "application/cloudevents+json"), (Vec<Object> = "application/cloudevents-batch+json"))),
    responses((status = 201, body = Appended), (status = 200, description = "These ids were appended before", body = Appended),
              (status = 409, description = "conflict, id_reused", body = Problem, content_type = "application/problem+json"),
              (status = 413, body = Problem, content_type = "application/problem+json"),
              (status = 422, body = Problem, content_type = "application/problem+json"),
              (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn append_to_stream(
    State(state): State<AppState>,
    Path(stream): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Response> {
    let stream = StreamName::new(stream)?;
    let expected_version = expected_version(&headers)?;
    let (body, _room) = match append_body(request, &state).await {
        Ok(taken) => taken,
        Err(refusal) => return Ok(*refusal),
    };
    let most = state.store.limits().append_events;
    let events = match media_type(&headers).as_str() {
        cloud_events::ONE | cloud_events::BATCH => {
            cloud_events::events_of(&body, &headers, &stream, most)?
        }
        kind => {
            json_kind(kind)?;
            few::<ProposedEvent>(&body, most)?
        }
    };
    let mut appends = vec![AppendToStream {
        stream,
        expected_version,
        events,
    }];
    keep_trace(&headers, &mut appends, state.store.limits());
    let outcome = state.store.append(appends).await?;
    let status = status(outcome.duplicate);
    match outcome.appended.into_iter().next() {
        Some(appended) => Ok((status, Json(appended)).into_response()),
        None => Err(ApiError(super::problem::internal())),
    }
}

/// Appends to several streams in one transaction: all or nothing.
#[utoipa::path(post, path = "/api/events", security(("login" = ["append"])), tag = "append",
    request_body(content((Vec<AppendToStream> = "application/json"), (Object = "application/cloudevents+json"), (Vec<Object> = "application/cloudevents-batch+json"))),
    responses((status = 201, body = Vec<Appended>), (status = 200, description = "These ids were appended before", body = Vec<Appended>),
              (status = 409, description = "conflict, id_reused", body = Problem, content_type = "application/problem+json"),
              (status = 413, body = Problem, content_type = "application/problem+json"),
              (status = 422, body = Problem, content_type = "application/problem+json"),
              (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn append_to_streams(
    State(state): State<AppState>,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Response> {
    let (body, _room) = match append_body(request, &state).await {
        Ok(taken) => taken,
        Err(refusal) => return Ok(*refusal),
    };
    let most = state.store.limits().append_events;
    let mut appends = match media_type(&headers).as_str() {
        cloud_events::ONE | cloud_events::BATCH => cloud_events::appends_of(&body, &headers, most)?,
        kind => {
            json_kind(kind)?;
            few_in_all(&body, most)?
        }
    };
    keep_trace(&headers, &mut appends, state.store.limits());
    let outcome = state.store.append(appends).await?;
    Ok((status(outcome.duplicate), Json(outcome.appended)).into_response())
}

fn status(duplicate: bool) -> StatusCode {
    if duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    }
}

fn json_kind(kind: &str) -> ApiResult<()> {
    // Absent is taken as JSON: there is nothing else that it could be.
    if kind.is_empty() || kind == "application/json" {
        return Ok(());
    }
    Err(ApiError(
        Problem::new(
            415,
            "unsupported_media_type",
            "This content type is not taken",
            format!("Content-Type is {kind}; send application/json, application/cloudevents+json or application/cloudevents-batch+json."),
        )
        .with("content_type", kind),
    ))
}

/// The header `Expected-Version`; `any` when absent.
pub(super) fn expected_version(headers: &HeaderMap) -> ApiResult<ExpectedVersion> {
    let Some(value) = headers.get("expected-version") else {
        return Ok(ExpectedVersion::Any);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    text.parse()
        .map_err(|error: highwater_model::append::ExpectedVersionError| {
            ApiError::bad_request(
                "bad_expected_version",
                "The expected version is not right",
                format!("Expected-Version: {error}."),
            )
        })
}
