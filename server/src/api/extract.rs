//! Extractors whose refusals are problems.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use highwater_model::Problem;
use highwater_model::filter::Filter;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::problem::{ApiError, ApiResult, bad_json};
use crate::limits::{body_stopped, has_stopped};
use crate::state::AppState;

/// Query parameters; unknown ones are refused by name.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(query) => Ok(Self(query.0)),
            Err(rejection) => {
                let text = rejection.body_text();
                let reason = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                Err(ApiError::bad_request(
                    "bad_query",
                    "The query parameters are not right",
                    format!("{reason}."),
                ))
            }
        }
    }
}

/// Parts of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            Err(rejection) => {
                let text = rejection.body_text();
                let reason = text.strip_prefix("Invalid URL: ").unwrap_or(&text);
                Err(ApiError::bad_request(
                    "bad_path",
                    "The address is not right",
                    format!("{reason}."),
                ))
            }
        }
    }
}

/// The body as it is, within its limit.
pub async fn body<S: Send + Sync>(request: Request, state: &S) -> ApiResult<Bytes> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if has_stopped(&rejection) {
            ApiError(body_stopped())
        } else if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError(Problem::new(
                413,
                "body_too_large",
                "The body is too large",
                "The request is larger than this call takes; split it, or POST it to /api/import.",
            ))
        } else {
            ApiError::bad_request("bad_body", "The body could not be read", format!("{}.", rejection.body_text()))
        }
    })
}

/// Reads JSON, and says where it is not what it should be.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    serde_json::from_slice(body).map_err(|error| ApiError(bad_json(&error)))
}

/// The media type of a request without its parameters; empty when there is none.
pub fn media_type(headers: &axum::http::HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| {
            value
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        })
        .unwrap_or_default()
}

/// How many are asked for: 100 unless given, 1 to 1,000.
pub fn limit(given: Option<i64>) -> ApiResult<usize> {
    match given {
        None => Ok(100),
        Some(limit @ 1..=1_000) => Ok(usize::try_from(limit).unwrap_or(100)),
        Some(limit) => Err(out_of_range("limit", limit, "1 to 1000")),
    }
}

/// A number that is not in its range.
pub fn out_of_range(name: &str, given: i64, range: &str) -> ApiError {
    ApiError(
        Problem::new(
            400,
            "bad_query",
            "The query parameters are not right",
            format!("{name} is {range}; this is {given}."),
        )
        .with("parameter", name)
        .with("given", given),
    )
}

/// A position or version from 0.
pub fn not_negative(name: &str, given: Option<i64>) -> ApiResult<Option<i64>> {
    match given {
        Some(number) if number < 0 => Err(out_of_range(name, number, "0 or more")),
        given => Ok(given),
    }
}

/// The filter line; everything when absent.
pub fn filter(line: Option<&str>) -> ApiResult<Filter> {
    Ok(Filter::parse(line.unwrap_or_default())?)
}

/// A range of time, of the last 15 minutes unless it is given.
pub(super) fn time_range(
    state: &AppState,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> ApiResult<(Timestamp, Timestamp)> {
    let until = until.unwrap_or_else(|| state.store.clock().now());
    let usual = until.checked_sub(SignedDuration::from_mins(15));
    let since = since.unwrap_or_else(|| usual.unwrap_or(until));
    if since >= until {
        return Err(ApiError::bad_request(
            "bad_query",
            "The query parameters are not right",
            format!("since ({since}) has to be before until ({until})."),
        ));
    }
    Ok((since, until))
}

/// Bytes from which data is given in short, at least: what is left has that much.
const SHORTEN_LEAST: i64 = 1_000;

/// Above how many bytes data is given in short; none: never.
pub fn shorten(asked: Option<i64>) -> ApiResult<Option<usize>> {
    match asked {
        None => Ok(None),
        Some(bytes) if bytes >= SHORTEN_LEAST => Ok(usize::try_from(bytes).ok()),
        Some(bytes) => Err(out_of_range(
            "shorten",
            bytes,
            &format!("{SHORTEN_LEAST} bytes or more"),
        )),
    }
}
