//! Checks an append before it is queued, so that one bad append cannot spoil the batch of others.

use std::collections::HashSet;

use highwater_model::filter::Time;
use highwater_model::{AppendToStream, ExpectedVersion, Limits, ProposedEvent, StreamName};
use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::storable::{Unstorable, storable};
use crate::{Ids, LimitError, StoreError};

/// An append to one stream within a [`Prepared`] one.
pub(crate) struct Unit {
    pub(crate) stream: StreamName,
    pub(crate) expected: ExpectedVersion,
    pub(crate) count: usize,
}

/// A checked append: its events side by side as the database takes them.
#[derive(Default)]
pub(crate) struct Prepared {
    pub(crate) units: Vec<Unit>,
    pub(crate) events: Vec<PreparedEvent>,
    pub(crate) bytes: usize,
}

/// A checked event.
pub(crate) struct PreparedEvent {
    pub(crate) id: Uuid,
    /// The writer gave the id, so it may be in the log already.
    pub(crate) given: bool,
    pub(crate) event_type: String,
    pub(crate) data: Box<RawValue>,
    pub(crate) metadata: Box<RawValue>,
    pub(crate) cause: Cause,
    pub(crate) occurred_at: Option<Timestamp>,
}

/// What an event's metadata says it belongs to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) correlation_id: Option<Uuid>,
    pub(crate) causation_id: Option<Uuid>,
}

/// Checks limits, metadata and ids of a whole append.
pub(crate) fn check(
    appends: Vec<AppendToStream>,
    limits: &Limits,
    ids: Ids,
) -> Result<Prepared, StoreError> {
    if appends.is_empty() {
        return Err(LimitError::NothingToAppend.into());
    }
    let events: usize = appends.iter().map(|append| append.events.len()).sum();
    if events > limits.append_events {
        return Err(LimitError::AppendEvents {
            events,
            limit: limits.append_events,
        }
        .into());
    }
    let mut prepared = Prepared::default();
    let mut streams = HashSet::new();
    let mut given = HashSet::new();
    for append in appends {
        let stream = append.stream;
        if append.events.is_empty() {
            return Err(LimitError::NoEvents {
                stream: stream.to_string(),
            }
            .into());
        }
        if !streams.insert(stream.clone()) {
            return Err(LimitError::StreamTwice {
                stream: stream.to_string(),
            }
            .into());
        }
        prepared.units.push(Unit {
            stream: stream.clone(),
            expected: append.expected_version,
            count: append.events.len(),
        });
        for (index, event) in append.events.into_iter().enumerate() {
            let event = check_event(&stream, index, event, limits, ids)?;
            if event.given && !given.insert(event.id) {
                return Err(StoreError::IdReused { id: event.id });
            }
            prepared.bytes += event.data.get().len() + event.metadata.get().len();
            prepared.events.push(event);
        }
    }
    if prepared.bytes > limits.append_bytes {
        return Err(LimitError::AppendBytes {
            bytes: prepared.bytes,
            limit: limits.append_bytes,
        }
        .into());
    }
    Ok(prepared)
}

/// Checks one event; `index` is told in refusals.
pub(crate) fn check_event(
    stream: &StreamName,
    index: usize,
    event: ProposedEvent,
    limits: &Limits,
    ids: Ids,
) -> Result<PreparedEvent, StoreError> {
    let name = || stream.to_string();
    if stream.as_str().len() > limits.stream_name_bytes {
        let start = stream.as_str().chars().take(40).collect();
        return Err(LimitError::StreamNameBytes {
            start,
            bytes: stream.as_str().len(),
            limit: limits.stream_name_bytes,
        }
        .into());
    }
    let type_bytes = event.event_type.len();
    if type_bytes == 0
        || type_bytes > limits.type_bytes
        || event.event_type.chars().any(char::is_control)
    {
        return Err(LimitError::TypeName {
            stream: name(),
            event: index,
            limit: limits.type_bytes,
        }
        .into());
    }
    let metadata = match event.metadata {
        Some(metadata) if metadata.get().trim() != "null" => metadata,
        _ => RawValue::from_string("{}".to_owned())
            .map_err(|error| StoreError::Broken(error.to_string()))?,
    };
    let bytes = event.data.get().len() + metadata.get().len();
    if bytes > limits.event_bytes {
        return Err(LimitError::EventBytes {
            stream: name(),
            event: index,
            bytes,
            limit: limits.event_bytes,
        }
        .into());
    }
    let found = [&event.data, &metadata]
        .into_iter()
        .try_for_each(|document| storable(document.get(), limits.json_depth))
        .and_then(|()| known_moment(event.occurred_at));
    match found {
        Ok(()) => {}
        Err(Unstorable::Depth) => {
            return Err(LimitError::JsonDepth {
                stream: name(),
                event: index,
                limit: limits.json_depth,
            }
            .into());
        }
        Err(Unstorable::What(what)) => {
            return Err(LimitError::NotStorable {
                stream: name(),
                event: index,
                what,
            }
            .into());
        }
    }
    let cause = cause(&metadata).map_err(|problem| StoreError::BadMetadata {
        stream: stream.clone(),
        event: index,
        problem,
    })?;
    Ok(PreparedEvent {
        given: event.id.is_some(),
        id: event.id.unwrap_or_else(|| ids.event_id()),
        event_type: event.event_type,
        data: event.data,
        metadata,
        cause,
        // The database keeps microseconds; cut here, so that a retry compares equal.
        occurred_at: event
            .occurred_at
            .map(|at| Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)),
    })
}

/// Ours reach further back than the database's.
fn known_moment(occurred_at: Option<Timestamp>) -> Result<(), Unstorable> {
    match occurred_at {
        Some(at) if at < Time::EARLIEST => Err(Unstorable::What("a moment before 4714 BC")),
        _ => Ok(()),
    }
}

/// Checks metadata, and reads out of it what has a column of its own: what `jsonb` would find there.
fn cause(metadata: &RawValue) -> Result<Cause, String> {
    if !metadata.get().trim_start().starts_with('{') {
        return Err("it must be a JSON object".to_owned());
    }
    if !metadata.get().contains("ation_id") && !metadata.get().contains('\\') {
        return Ok(Cause::default());
    }
    let map: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(metadata.get()).map_err(|error| error.to_string())?;
    let id = |key| match map.get(key) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) if !text.starts_with("urn:") => {
            Uuid::try_parse(text).map(Some).map_err(|_| key)
        }
        Some(_) => Err(key),
    };
    let ids = || {
        Ok(Cause {
            correlation_id: id("correlation_id")?,
            causation_id: id("causation_id")?,
        })
    };
    ids().map_err(|key: &str| {
        format!("{key} must be a UUID like 0190b0a4-7c1e-7d33-8a41-0242ac120002")
    })
}
