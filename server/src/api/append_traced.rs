//! What an append keeps of the trace that it is a part of: an event that names no `traceparent` gets that of its request, as it was sent, so that
//! whoever handles the event goes on from there. It is not part of what is compared when an id comes again.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use highwater_model::{AppendToStream, Limits, ProposedEvent, Traceparent};
use serde_json::value::RawValue;

use crate::traces::traceparent;

/// Gives the events the request's `traceparent`, if it has one; those of an append, or an event, that would be too large by it go without.
pub(super) fn keep_trace(headers: &HeaderMap, appends: &mut [AppendToStream], limits: &Limits) {
    let Some(traceparent) = traceparent(headers) else {
        return;
    };
    let field = format!("\"{}\":\"{traceparent}\"", Traceparent::NAME);
    // With its comma.
    let more = field.len() + 1;
    let events = appends.iter().flat_map(|append| &append.events);
    let all: usize = events.map(|event| bytes(event) + more).sum();
    if all > limits.append_bytes {
        return;
    }
    for event in appends.iter_mut().flat_map(|append| &mut append.events) {
        if bytes(event) + more <= limits.event_bytes
            && let Some(metadata) = with(event.metadata.as_deref(), &field)
        {
            event.metadata = Some(metadata);
        }
    }
}

fn bytes(event: &ProposedEvent) -> usize {
    let metadata = event.metadata.as_ref();
    event.data.get().len() + metadata.map_or(2, |metadata| metadata.get().len())
}

/// Metadata with one more field, the rest as it was written; none where it has that field, or is no object.
fn with(metadata: Option<&RawValue>, field: &str) -> Option<Box<RawValue>> {
    let text = match metadata.map_or("null", |metadata| metadata.get().trim()) {
        "null" => "{}",
        text => text,
    };
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    if fields.contains_key(Traceparent::NAME) {
        return None;
    }
    let comma = if fields.is_empty() { "" } else { "," };
    let rest = text.strip_prefix('{')?;
    RawValue::from_string(format!("{{{field}{comma}{rest}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_trace(metadata: Option<&str>) -> Option<String> {
        let raw = metadata.map(|text| RawValue::from_string(text.to_owned()).unwrap());
        let found = with(raw.as_deref(), r#""traceparent":"00-a""#)?;
        Some(found.get().to_owned())
    }

    #[test]
    fn a_trace_is_put_before_what_is_there() {
        for (metadata, says) in [
            (None, r#"{"traceparent":"00-a"}"#),
            (Some("null"), r#"{"traceparent":"00-a"}"#),
            (Some("{ }"), r#"{"traceparent":"00-a" }"#),
            (
                Some(r#"{"a": 1.50}"#),
                r#"{"traceparent":"00-a","a": 1.50}"#,
            ),
        ] {
            assert_eq!(with_trace(metadata).as_deref(), Some(says));
        }
    }

    #[test]
    fn what_the_writer_says_stays() {
        for metadata in [
            r#"{"traceparent":"mine"}"#,
            r#"{"\u0074raceparent":null}"#,
            "[]",
            "1",
        ] {
            assert_eq!(with_trace(Some(metadata)), None, "{metadata}");
        }
    }
}
