//! `CloudEvents` 1.0, structured and batched: what a request holds as appends.

use axum::http::HeaderMap;
use highwater_model::{
    AppendToStream, CloudEvent, CloudEventFields, Problem, ProposedEvent, StreamName,
};

use super::append::expected_version;
use super::extract::{json, media_type};
use super::few::few;
use super::problem::{ApiError, ApiResult};

/// One `CloudEvent`.
pub const ONE: &str = "application/cloudevents+json";
/// An array of them.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// The events of a request to one stream; a `subject`, where there is one, must be that stream.
pub fn events_of(
    body: &[u8],
    headers: &HeaderMap,
    stream: &StreamName,
    most: usize,
) -> ApiResult<Vec<ProposedEvent>> {
    read(body, headers, most)?
        .into_iter()
        .enumerate()
        .map(|(index, CloudEvent { subject, event })| match subject {
            Some(subject) if subject != stream.as_str() => Err(refuse(index, format!("its subject is {subject}, the address says {stream}; POST it to /api/events, or leave subject out"))),
            _ => Ok(event),
        })
        .collect()
}

/// The appends of a request: one for each subject, in the order of their first events.
pub fn appends_of(body: &[u8], headers: &HeaderMap, most: usize) -> ApiResult<Vec<AppendToStream>> {
    let expected_version = expected_version(headers)?;
    let mut appends: Vec<AppendToStream> = Vec::new();
    for (index, CloudEvent { subject, event }) in read(body, headers, most)?.into_iter().enumerate()
    {
        let Some(subject) = subject else {
            return Err(refuse(index, "it has no subject; subject names the stream"));
        };
        let stream = StreamName::new(subject)?;
        match appends.iter_mut().find(|append| append.stream == stream) {
            Some(append) => append.events.push(event),
            None => appends.push(AppendToStream {
                stream,
                expected_version,
                events: vec![event],
            }),
        }
    }
    Ok(appends)
}

fn read(body: &[u8], headers: &HeaderMap, most: usize) -> ApiResult<Vec<CloudEvent>> {
    let sent: Vec<CloudEventFields> = if media_type(headers) == BATCH {
        few(body, most)?
    } else {
        vec![json(body)?]
    };
    sent.into_iter()
        .enumerate()
        .map(|(index, fields)| CloudEvent::read(fields).map_err(|error| refuse(index, error)))
        .collect()
}

fn refuse(index: usize, what: impl std::fmt::Display) -> ApiError {
    ApiError(
        Problem::new(
            422,
            "bad_cloud_event",
            "The CloudEvent is not right",
            format!("CloudEvent {index}: {what}."),
        )
        .with("event", index),
    )
}
