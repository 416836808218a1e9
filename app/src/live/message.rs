//! Reading the server's messages.

use highwater_model::{Gap, Mark, Position, Problem, RecordedEvent};
use serde::Deserialize;

/// Any message of the server, as one flat object.
///
/// An untagged enum would buffer the message before it picks a variant, and raw JSON (an event's data) can't be read from such a buffer.
#[derive(Debug, Default, Deserialize)]
pub struct Message {
    /// The feed.
    pub id: Option<u32>,
    /// Matching events, in order.
    pub events: Option<Vec<RecordedEvent>>,
    /// Everything up to here has been said.
    pub next: Option<Position>,
    /// History is through.
    pub caught_up: Option<Position>,
    /// What was left out.
    pub gap: Option<Gap>,
    /// Where the mark stands.
    pub mark: Option<Mark>,
    /// A refusal.
    pub error: Option<Problem>,
}

impl Message {
    /// Reads one text frame.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_the_text_of_its_data() {
        let message = Message::parse(
            r#"{"id":1,"next":7,"events":[{"position":7,"stream":"a-1","category":"a","version":0,"id":"0192f3c1-77de-7c3a-9f10-000000000000",
               "type":"T","data":{"n":1.10},"metadata":{},"occurred_at":"2026-01-01T00:00:00Z","recorded_at":"2026-01-01T00:00:00Z"}]}"#,
        )
        .unwrap();
        assert_eq!(message.events.unwrap()[0].data.get(), r#"{"n":1.10}"#);
        assert_eq!(message.next, Some(Position(7)));
    }
}
