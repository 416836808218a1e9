//! The ring: the newest events, decoded and encoded once, for every reader.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use highwater_model::{Position, RecordedEvent};

/// An event with its JSON.
#[derive(Debug, Clone)]
pub struct RingEvent {
    /// Decoded, for filters.
    pub event: Arc<RecordedEvent>,
    /// Encoded, for the wire.
    pub json: Bytes,
}

/// What the ring has behind a position.
#[derive(Debug)]
pub enum RingRead {
    /// The events that follow, without a hole.
    Events(Vec<RingEvent>),
    /// Nothing: that position is the head.
    UpToDate,
    /// What follows has left the ring already; it holds what comes after `floor`.
    Fallen {
        /// The last position that is no longer held.
        floor: Position,
    },
}

/// The newest events; bounded in number and in bytes.
#[derive(Debug)]
pub(crate) struct Ring {
    events: VecDeque<RingEvent>,
    floor: Position,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

impl Ring {
    pub(crate) fn new(floor: Position, max_events: usize, max_bytes: usize) -> Self {
        Self {
            events: VecDeque::new(),
            floor,
            bytes: 0,
            max_events: max_events.max(1),
            max_bytes,
        }
    }

    pub(crate) fn push(&mut self, event: RingEvent) {
        self.bytes += event.json.len();
        self.events.push_back(event);
        // The newest one stays even if it alone is larger than the bound: a reader has to be able to pass it.
        while self.events.len() > self.max_events
            || (self.bytes > self.max_bytes && self.events.len() > 1)
        {
            if let Some(old) = self.events.pop_front() {
                self.bytes -= old.json.len();
                self.floor = old.event.position;
            }
        }
    }

    pub(crate) fn read(&self, after: Position, max_events: usize, max_bytes: usize) -> RingRead {
        if after < self.floor {
            return RingRead::Fallen { floor: self.floor };
        }
        // Positions are dense, so the distance from the floor is the index.
        let skip = usize::try_from(after.0 - self.floor.0).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let mut events = Vec::new();
        for event in self.events.iter().skip(skip).take(max_events) {
            bytes += event.json.len();
            if bytes > max_bytes && !events.is_empty() {
                break;
            }
            events.push(event.clone());
        }
        if events.is_empty() {
            RingRead::UpToDate
        } else {
            RingRead::Events(events)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn event(position: i64) -> RingEvent {
        let text = format!(
            r#"{{"position":{position},"stream":"order-1","category":"order","version":{position},"id":"00000000-0000-0000-0000-{position:012}",
               "type":"OrderPlaced","data":{{}},"metadata":{{}},"occurred_at":"2026-01-01T00:00:00Z","recorded_at":"2026-01-01T00:00:00Z"}}"#
        );
        let event: RecordedEvent = serde_json::from_str(&text).unwrap();
        let json = serde_json::to_vec(&event).unwrap();
        RingEvent {
            event: Arc::new(event),
            json: Bytes::from(json),
        }
    }

    fn positions(read: RingRead) -> Vec<i64> {
        match read {
            RingRead::Events(events) => events.iter().map(|e| e.event.position.0).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reader_gets_what_follows_its_cursor() {
        let mut ring = Ring::new(Position(10), 8, 1 << 20);
        for position in 11..=14 {
            ring.push(event(position));
        }
        assert_eq!(
            positions(ring.read(Position(10), 100, 1 << 20)),
            [11, 12, 13, 14]
        );
        assert_eq!(positions(ring.read(Position(12), 1, 1 << 20)), [13]);
        assert!(matches!(
            ring.read(Position(14), 100, 1 << 20),
            RingRead::UpToDate
        ));
        assert!(matches!(
            ring.read(Position(99), 100, 1 << 20),
            RingRead::UpToDate
        ));
    }

    #[test]
    fn cursor_that_fell_out_is_told_the_floor() {
        let mut ring = Ring::new(Position(0), 3, 1 << 20);
        for position in 1..=10 {
            ring.push(event(position));
        }
        assert!(matches!(
            ring.read(Position(2), 100, 1 << 20),
            RingRead::Fallen { floor: Position(7) }
        ));
        assert_eq!(positions(ring.read(Position(7), 100, 1 << 20)), [8, 9, 10]);
    }

    #[test]
    fn ring_is_bounded_in_bytes_and_keeps_the_newest() {
        let mut ring = Ring::new(Position(0), 1_000, 10);
        for position in 1..=5 {
            ring.push(event(position));
        }
        assert_eq!(positions(ring.read(Position(4), 100, 1)), [5]);
        assert!(matches!(
            ring.read(Position(3), 100, 1),
            RingRead::Fallen { floor: Position(4) }
        ));
    }
}
