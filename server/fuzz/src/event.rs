//! An event that holds whatever an input has.

use highwater_model::{Position, RecordedEvent, StreamName, Version};
use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

/// When it is.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_772_000_000, 0);

/// A text as JSON: what it says, or, where it says nothing, itself as a text.
pub(crate) fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned())
        .or_else(|_| RawValue::from_string(serde_json::Value::from(text).to_string()))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// An event with this data.
pub(crate) fn event(data: Box<RawValue>) -> Option<RecordedEvent> {
    Some(RecordedEvent {
        position: Position(7),
        stream: StreamName::new("order-1").ok()?,
        category: "order".to_owned(),
        version: Version(3),
        id: Uuid::nil(),
        event_type: "OrderPlaced".to_owned(),
        data,
        data_bytes: None,
        metadata: json(r#"{"service":"shop","actor":"ada"}"#),
        occurred_at: NOW,
        recorded_at: NOW,
    })
}
