//! How much of an event somebody sees.

use serde_json::value::RawValue;

use crate::{Mask, RecordedEvent, StreamName};

/// How much of an event somebody sees. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Sight {
    /// All of it.
    #[default]
    Whole,
    /// All but what the mask hides.
    Masked(Mask),
    /// That it happened: its type, when, of which category, by which service. Not of whom, and nothing of what it holds.
    Headlines,
}

impl Sight {
    /// The event as it is seen.
    pub fn of(&self, event: RecordedEvent) -> RecordedEvent {
        self.changed(&event).unwrap_or(event)
    }

    /// The event as it is seen, if it is not seen as it is.
    pub fn changed(&self, event: &RecordedEvent) -> Option<RecordedEvent> {
        match self {
            Self::Whole => None,
            Self::Masked(mask) => mask.event(event),
            Self::Headlines => Some(headline(event)),
        }
    }

    /// What is hidden from somebody who sees events.
    pub fn mask(&self) -> Option<&Mask> {
        match self {
            Self::Masked(mask) => Some(mask),
            Self::Whole | Self::Headlines => None,
        }
    }
}

/// The names of metadata that a headline keeps: who emitted the event, not for whom.
#[derive(serde::Serialize, serde::Deserialize)]
struct Emitter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<String>,
}

fn headline(event: &RecordedEvent) -> RecordedEvent {
    let emitter: Option<Emitter> = serde_json::from_str(event.metadata.get()).ok();
    let metadata = emitter.and_then(|emitter| serde_json::value::to_raw_value(&emitter).ok());
    // A stream is named after what it is about: a number of an order, sometimes an address.
    let stream = StreamName::new(format!("{}-…", event.category));
    RecordedEvent {
        stream: stream.unwrap_or_else(|_| event.stream.clone()),
        version: crate::Version(0),
        id: uuid::Uuid::nil(),
        data: nothing(),
        data_bytes: None,
        metadata: metadata.unwrap_or_else(nothing),
        ..event.clone()
    }
}

fn nothing() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_tells_what_happened_and_nothing_of_whom() {
        let event = serde_json::json!({
            "position": 7, "stream": "customer-ada@example.com", "category": "customer", "version": 3,
            "id": "0192d6a4-0000-7000-8000-000000000001", "type": "CustomerMoved",
            "data": {"to": "Gent"}, "data_bytes": 14, "metadata": {"service": "crm", "actor": "ada", "correlation_id": "0192d6a4-0000-7000-8000-000000000002"},
            "occurred_at": "2026-01-01T00:00:00Z", "recorded_at": "2026-01-01T00:00:00Z",
        });
        let event: RecordedEvent = serde_json::from_value(event).unwrap();
        let whole = serde_json::to_string(&Sight::Whole.of(event.clone())).unwrap();
        assert!(whole.contains("Gent"));
        let seen = Sight::Headlines.of(event);
        assert_eq!(seen.event_type, "CustomerMoved");
        assert_eq!(seen.position.0, 7);
        assert_eq!(seen.category, "customer");
        let text = serde_json::to_string(&seen).unwrap();
        assert!(text.contains("\"service\":\"crm\""), "{text}");
        for hidden in ["ada@", "actor", "Gent", "0192d6a4", "data_bytes"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}
