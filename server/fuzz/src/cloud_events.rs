//! `CloudEvents`, one or an array of them.

use highwater_model::{CloudEvent, CloudEventFields, ProposedEvent};
use serde_json::value::RawValue;

pub(crate) const WORDS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"specversion\":\"1.0\"",
    "\"id\":\"01890000-0000-7000-8000-000000000002\"",
    "\"source\":\"/shop\"",
    "\"type\":\"Paid\"",
    "\"subject\":",
    "\"time\":",
    "\"data\":",
    "\"data_base64\":",
    "\"correlationid\":",
    "\"x\":",
    "\"\"",
    "null",
    "1.10",
    "1e400",
    "\"\\ud800\"",
    "\"2026-01-01T00:00:00Z\"",
    "\"-009999-01-01T00:00:00Z\"",
];

/// What does not go into the metadata as it is.
const TAKEN: [&str; 7] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "data",
];

pub(crate) fn check(input: &[u8]) {
    let sent = serde_json::from_slice::<Vec<CloudEventFields>>(input);
    let sent = sent.or_else(|_| serde_json::from_slice(input).map(|one| vec![one]));
    for fields in sent.unwrap_or_default() {
        match CloudEvent::read(fields.clone()) {
            Ok(found) => holds(&fields, &found),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn holds(fields: &CloudEventFields, found: &CloudEvent) {
    let event = &found.event;
    assert!(!event.event_type.is_empty() && event.id.is_some());
    assert_ne!(found.subject.as_deref(), Some(""));
    let data = fields.get("data").map_or("null", |data| data.get());
    assert_eq!(event.data.get(), data, "each digit is kept");

    let metadata = event.metadata.as_deref().map_or("", RawValue::get);
    let metadata = serde_json::from_str::<CloudEventFields>(metadata).unwrap_or_default();
    assert!(metadata.contains_key("source"));
    for (name, value) in fields {
        let name = match name.as_str() {
            "correlationid" => "correlation_id",
            "causationid" => "causation_id",
            "correlation_id" if fields.contains_key("correlationid") => continue,
            "causation_id" if fields.contains_key("causationid") => continue,
            taken if TAKEN.contains(&taken) => continue,
            name => name,
        };
        let kept = metadata.get(name).map(|kept| kept.get());
        assert_eq!(kept, Some(value.get()), "{name}");
    }

    let written = serde_json::to_string(event).unwrap_or_default();
    let read = serde_json::from_str::<ProposedEvent>(&written);
    let read = read.map(|read| read.data.get().to_owned());
    assert_eq!(read.ok().as_deref(), Some(data), "{written}");
}
