//! The one place where something that went wrong becomes `application/problem+json`.

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use highwater_model::filter::FilterError;
use highwater_model::{ExpectedVersion, Problem, StreamNameError};
use highwater_store::{LimitError, StoreError};
use serde_json::Value;

/// A refusal on its way to the caller.
#[derive(Debug, Clone)]
pub struct ApiError(pub Problem);

/// What most handlers answer.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// There is no such thing here.
    pub fn not_found(what: &str, detail: impl Into<String>) -> Self {
        Self(Problem::new(404, "not_found", "Not found", detail).with("what", what))
    }

    /// The request is not understood.
    pub fn bad_request(kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self(Problem::new(400, kind, title, detail))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.0.facts.get("retry_after").and_then(Value::as_u64);
        let mut response = (status, Json(self.0)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        let problem = match error {
            StoreError::Conflict {
                stream,
                expected,
                actual,
            } => Problem::new(409, "conflict", "The stream is at another version", detail)
                .with("stream", stream.as_str())
                .with("expected", version_fact(expected))
                .with("actual", actual.map(|version| version.0)),
            StoreError::IdReused { id } => {
                Problem::new(409, "id_reused", "The id belongs to another event", detail)
                    .with("id", id.to_string())
            }
            StoreError::StreamBusy { stream } => Problem::new(
                503,
                "stream_busy",
                "The stream is held by an open transaction",
                detail,
            )
            .with("stream", stream.as_str())
            .with("retry_after", 1),
            StoreError::Overloaded { retry_after_s } => {
                Problem::new(503, "overloaded", "Too many appends are waiting", detail)
                    .with("retry_after", retry_after_s)
            }
            StoreError::Limit(limit) => limit_problem(&limit, detail),
            StoreError::BadMetadata { stream, event, .. } => {
                Problem::new(422, "bad_metadata", "The metadata is not right", detail)
                    .with("stream", stream.as_str())
                    .with("event", event)
            }
            StoreError::BadQuery(_) => {
                Problem::new(400, "bad_query", "The query is not right", detail)
            }
            StoreError::BadView(_) => {
                Problem::new(422, "bad_view", "The view can't be saved", detail)
            }
            StoreError::BadIdentity(_) => Problem::new(
                422,
                "bad_identity",
                "The user, invitation or token is not right",
                detail,
            ),
            StoreError::BadMask(_) => {
                Problem::new(422, "bad_mask", "The rule is not right", detail)
            }
            StoreError::NameTaken { name } => {
                Problem::new(409, "name_taken", "The name is taken", detail).with("name", name)
            }
            StoreError::LastAdmin => {
                Problem::new(409, "last_admin", "An admin has to remain", detail)
            }
            StoreError::BadRule(_) => {
                Problem::new(422, "bad_flow_rule", "The rule is not right", detail)
            }
            StoreError::Unavailable(_) => Problem::new(
                503,
                "database_unavailable",
                "The database does not answer",
                detail,
            )
            .with("retry_after", 1),
            StoreError::NotWritable(_) => {
                Problem::new(503, "not_writable", "The database takes no writes", detail)
                    .with("retry_after", 5)
            }
            StoreError::TooSlow { seconds } => {
                Problem::new(504, "too_slow", "The query took too long", detail)
                    .with("seconds", seconds)
            }
            StoreError::NewerSchema { .. } | StoreError::OldPostgres(_) => Problem::new(
                503,
                "wrong_database",
                "The database does not fit this Highwater",
                detail,
            ),
            _ => {
                // The database's own words may quote data: they go to the log, not to the caller.
                tracing::error!(error = %detail, "a request failed inside");
                internal()
            }
        };
        Self(problem)
    }
}

fn version_fact(expected: ExpectedVersion) -> Value {
    serde_json::to_value(expected).unwrap_or(Value::Null)
}

fn limit_problem(limit: &LimitError, detail: String) -> Problem {
    let (status, kind, title) = match limit {
        LimitError::NoEvents { .. } | LimitError::NothingToAppend => {
            (422, "no_events", "There is nothing to append")
        }
        LimitError::StreamTwice { .. } => {
            (422, "stream_twice", "A stream stands twice in one append")
        }
        LimitError::EventBytes { .. } => (413, "event_too_large", "The event is too large"),
        LimitError::AppendEvents { .. } => {
            (413, "too_many_events", "The append has too many events")
        }
        LimitError::AppendBytes { .. } => (413, "append_too_large", "The append is too large"),
        LimitError::StreamNameBytes { .. } => {
            (422, "stream_name_too_long", "The stream's name is too long")
        }
        LimitError::TypeName { .. } => (422, "bad_type", "The event type's name is not right"),
        LimitError::JsonDepth { .. } => (422, "too_deep", "The JSON nests too deeply"),
        LimitError::NotStorable { .. } => (422, "not_storable", "The database cannot store this"),
        _ => (422, "limit", "A limit was met"),
    };
    let mut problem = Problem::new(status, kind, title, detail);
    match limit {
        LimitError::EventBytes {
            event,
            bytes,
            limit,
            ..
        } => {
            problem = problem
                .with("event", *event)
                .with("bytes", *bytes)
                .with("limit", *limit);
        }
        LimitError::AppendEvents { events, limit } => {
            problem = problem.with("events", *events).with("limit", *limit);
        }
        LimitError::AppendBytes { bytes, limit }
        | LimitError::StreamNameBytes { bytes, limit, .. } => {
            problem = problem.with("bytes", *bytes).with("limit", *limit);
        }
        LimitError::TypeName { event, limit, .. } | LimitError::JsonDepth { event, limit, .. } => {
            problem = problem.with("event", *event).with("limit", *limit);
        }
        LimitError::NotStorable { event, .. } => problem = problem.with("event", *event),
        _ => {}
    }
    problem
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        Self(
            Problem::new(
                400,
                "bad_filter",
                "The filter line is not right",
                error.to_string(),
            )
            .with("at", error.at)
            .with("len", error.len)
            .with("expected", error.expected),
        )
    }
}

impl From<StreamNameError> for ApiError {
    fn from(error: StreamNameError) -> Self {
        Self(Problem::new(
            422,
            "bad_stream_name",
            "The stream's name is not right",
            error.to_string(),
        ))
    }
}

/// JSON that is not what it should be, with the place.
pub fn bad_json(error: &serde_json::Error) -> Problem {
    let problem = match error.classify() {
        serde_json::error::Category::Data => Problem::new(
            422,
            "bad_fields",
            "The JSON has not the right fields",
            format!("{error}. The fields are described in /api/openapi.json."),
        ),
        _ => Problem::new(
            400,
            "bad_json",
            "This is no JSON",
            format!("{error}. Send JSON in UTF-8."),
        ),
    };
    problem
        .with("line", error.line())
        .with("column", error.column())
}

/// Something broke inside; the log says what.
pub fn internal() -> Problem {
    Problem::new(
        500,
        "internal",
        "Something broke inside",
        "The request failed inside Highwater; its log says why, under this answer's x-request-id.",
    )
}

/// Rewrites refusals that no handler made (the router's, the body limit's, the timeout's) into problems.
pub async fn as_problem(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json");
    if is_problem {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::new(
            404,
            "not_found",
            "Not found",
            format!("There is nothing at {path}; /api/openapi.json lists what there is."),
        ),
        StatusCode::METHOD_NOT_ALLOWED => {
            let allow = response
                .headers()
                .get(header::ALLOW)
                .and_then(|allow| allow.to_str().ok())
                .unwrap_or("other methods")
                .to_owned();
            Problem::new(
                405,
                "method_not_allowed",
                "Method not allowed",
                format!("{path} doesn't take {method}; it takes {allow}."),
            )
            .with("allow", allow)
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            413,
            "body_too_large",
            "The body is too large",
            "The request is larger than this call takes; split it, or POST it to /api/import.",
        ),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Problem::new(
            504,
            "timeout",
            "It took too long",
            "The answer took too long and was given up; ask for less at once, or try again.",
        ),
        StatusCode::UPGRADE_REQUIRED => Problem::new(
            426,
            "upgrade_required",
            "This is a WebSocket",
            format!("{path} is a WebSocket; connect with the subprotocol highwater.v1."),
        ),
        status if status.is_client_error() => Problem::new(
            status.as_u16(),
            "bad_request",
            "The request is not right",
            text_of(response).await,
        ),
        _ => internal(),
    };
    ApiError(problem).into_response()
}

async fn text_of(response: Response) -> String {
    let status = response.status();
    let body: Body = response.into_body();
    match axum::body::to_bytes(body, 4096).await {
        Ok(bytes) if !bytes.is_empty() => String::from_utf8_lossy(&bytes).into_owned(),
        _ => status
            .canonical_reason()
            .unwrap_or("The request was refused.")
            .to_owned(),
    }
}
