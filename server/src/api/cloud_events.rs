//! CloudEvents 1.0, structured and batched: `subject` is the stream, `correlationid` and `causationid` go into the metadata.

use axum::http::HeaderMap;
use highwater_model::{AppendToStream, Problem, ProposedEvent, StreamName};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::append::expected_version;
use super::extract::{json, media_type};
use super::problem::{ApiError, ApiResult};

/// One `CloudEvent`.
pub const ONE: &str = "application/cloudevents+json";
/// An array of them.
pub const BATCH: &str = "application/cloudevents-batch+json";

#[derive(Debug)]
struct CloudEvent {
    id: String,
    source: String,
    event_type: String,
    subject: Option<String>,
    time: Option<jiff::Timestamp>,
    data: Box<RawValue>,
    /// Extensions, and the attributes that describe `data`; they are kept in the metadata.
    rest: Map<String, Value>,
}

/// The events of a request to one stream; a `subject`, where there is one, must be that stream.
pub fn events_of(
    body: &[u8],
    headers: &HeaderMap,
    stream: &StreamName,
) -> ApiResult<Vec<ProposedEvent>> {
    read(body, headers)?
        .into_iter()
        .enumerate()
        .map(|(index, event)| {
            if let Some(subject) = event.subject.as_deref()
                && subject != stream.as_str()
            {
                return Err(refuse(index, format!("its subject is {subject}, the address says {stream}; POST it to /api/events, or leave subject out")));
            }
            proposed(index, event)
        })
        .collect()
}

/// The appends of a request: one for each subject, in the order of their first events.
pub fn appends_of(body: &[u8], headers: &HeaderMap) -> ApiResult<Vec<AppendToStream>> {
    let expected_version = expected_version(headers)?;
    let mut appends: Vec<AppendToStream> = Vec::new();
    for (index, event) in read(body, headers)?.into_iter().enumerate() {
        let Some(subject) = event.subject.clone() else {
            return Err(refuse(
                index,
                "it has no subject; subject names the stream".to_owned(),
            ));
        };
        let stream = StreamName::new(subject)?;
        let event = proposed(index, event)?;
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

fn read(body: &[u8], headers: &HeaderMap) -> ApiResult<Vec<CloudEvent>> {
    let values: Vec<Map<String, Value>> = if media_type(headers) == BATCH {
        json(body)?
    } else {
        vec![json(body)?]
    };
    values
        .into_iter()
        .enumerate()
        .map(|(index, value)| cloud_event(index, value))
        .collect()
}

fn cloud_event(index: usize, mut value: Map<String, Value>) -> ApiResult<CloudEvent> {
    let text = |value: Option<Value>, name: &str| match value {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(refuse(index, format!("{name} is a text that is not empty"))),
        None => Err(refuse(index, format!("it has no {name}"))),
    };
    let specversion = text(value.remove("specversion"), "specversion")?;
    if specversion != "1.0" {
        return Err(refuse(
            index,
            format!("specversion is {specversion}; 1.0 is understood"),
        ));
    }
    if value.contains_key("data_base64") {
        return Err(refuse(
            index,
            "data_base64 is not taken; send data as JSON".to_owned(),
        ));
    }
    let data = value.remove("data").unwrap_or(Value::Null);
    let time = match value.remove("time") {
        None => None,
        Some(time) => Some(
            serde_json::from_value(time)
                .map_err(|error| refuse(index, format!("time: {error}")))?,
        ),
    };
    let subject = match value.remove("subject") {
        None => None,
        subject => Some(text(subject, "subject")?),
    };
    Ok(CloudEvent {
        id: text(value.remove("id"), "id")?,
        source: text(value.remove("source"), "source")?,
        event_type: text(value.remove("type"), "type")?,
        subject,
        time,
        data: raw(index, &data)?,
        rest: value,
    })
}

fn proposed(index: usize, event: CloudEvent) -> ApiResult<ProposedEvent> {
    let mut metadata = event.rest;
    for (from, to) in [
        ("correlationid", "correlation_id"),
        ("causationid", "causation_id"),
    ] {
        if let Some(id) = metadata.remove(from) {
            metadata.insert(to.to_owned(), id);
        }
    }
    metadata.insert("source".to_owned(), Value::String(event.source));
    let Ok(id) = event.id.parse::<Uuid>() else {
        return Err(refuse(
            index,
            format!("its id is {}; ids are UUIDs here", event.id),
        ));
    };
    Ok(ProposedEvent {
        event_type: event.event_type,
        data: event.data,
        id: Some(id),
        occurred_at: event.time,
        metadata: Some(raw(index, &Value::Object(metadata))?),
    })
}

fn raw(index: usize, value: &Value) -> ApiResult<Box<RawValue>> {
    to_raw_value(value).map_err(|error| refuse(index, error.to_string()))
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
