//! What a command follows from, and the ids of the events that come of it.

use highwater_model::{RecordedEvent, Traceparent};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;

/// FNV-1a, 128 bits wide: its numbers.
const FNV_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// An id that follows from these parts: the same parts give the same id, in every process and version.
///
/// Nobody tries to make two of them meet, so a plain hash is enough; the standard library's may change from one release to the next.
pub fn id_of(parts: &[&[u8]]) -> Uuid {
    let mut hash = FNV_BASIS;
    for part in parts {
        // Its length comes first, so that parts don't run into each other.
        let length = (part.len() as u64).to_le_bytes();
        for byte in length.iter().chain(part.iter()) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }
    uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid()
}

/// Why a command is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What it follows from: most often an event's id.
    pub id: Uuid,
    /// The flow that it belongs to.
    pub correlation: Uuid,
    /// That event, where it is one.
    pub event: Option<Uuid>,
    /// Where in a trace that one was appended.
    pub traceparent: Option<String>,
    /// Which service acts.
    pub service: &'static str,
    /// For whom.
    pub actor: String,
}

impl Cause {
    /// A service acts because of an event.
    pub fn event(service: &'static str, event: &RecordedEvent) -> Self {
        let known = event.known_metadata();
        let traceparent = known.traceparent.as_ref().and_then(Value::as_str);
        let correlation = known.correlation_id.unwrap_or(event.id);
        Self {
            traceparent: traceparent.map(str::to_owned),
            ..Self::recorded(service, event.id, correlation)
        }
    }

    /// A service acts because of an event of which it knows this.
    pub fn recorded(service: &'static str, event: Uuid, correlation: Uuid) -> Self {
        Self {
            id: event,
            correlation,
            event: Some(event),
            traceparent: None,
            service,
            actor: format!("service:{service}"),
        }
    }

    /// The id of an event that it leads to. Whoever handles the same cause again comes to the same ids, and the store takes each once.
    pub fn id_for(&self, stream: &str, what: &str) -> Uuid {
        id_of(&[
            self.id.as_bytes(),
            self.service.as_bytes(),
            stream.as_bytes(),
            what.as_bytes(),
        ])
    }

    /// The metadata of the events that it leads to.
    pub fn metadata(&self) -> Value {
        let mut metadata = json!({
            "correlation_id": self.correlation, "service": self.service, "actor": self.actor,
        });
        if let (Some(event), Some(fields)) = (self.event, metadata.as_object_mut()) {
            fields.insert("causation_id".to_owned(), json!(event));
        }
        if let (Some(place), Some(fields)) = (&self.traceparent, metadata.as_object_mut()) {
            fields.insert(Traceparent::NAME.to_owned(), json!(place));
        }
        metadata
    }
}

/// Chance that follows from an id: what was once decided by it is decided the same way again.
pub(crate) fn chance_of(id: Uuid, what: &str) -> Chance {
    let mixed = id_of(&[id.as_bytes(), what.as_bytes()]);
    Chance::new(mixed.as_u64_pair().0 ^ mixed.as_u64_pair().1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_their_parts_and_from_where_one_ends() {
        assert_eq!(id_of(&[b"a", b"bc"]), id_of(&[b"a", b"bc"]));
        assert_ne!(id_of(&[b"a", b"bc"]), id_of(&[b"ab", b"c"]));
        assert_ne!(id_of(&[b"a"]), id_of(&[b"a", b""]));
    }

    #[test]
    fn two_services_that_follow_from_the_same_event_have_their_own_ids() {
        let event = id_of(&[b"event"]);
        let [first, second] =
            ["orders", "payments"].map(|name| Cause::recorded(name, event, event));
        assert_ne!(first.id_for("order-1", "0"), second.id_for("order-1", "0"));
        assert_ne!(first.id_for("order-1", "0"), first.id_for("order-2", "0"));
    }
}
