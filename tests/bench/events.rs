//! Events as a shop makes them: 180 to 330 bytes of JSON, ten to a stream.

use highwater_store::Ids;
use uuid::Uuid;

/// Events of one stream.
pub(crate) const STREAM_EVENTS: u64 = 10;

const TYPES: [&str; 5] = [
    "OrderPlaced",
    "PaymentTaken",
    "StockReserved",
    "ParcelPacked",
    "ParcelSent",
];
const GOODS: [&str; 4] = ["Desk lamp", "Enamel mug", "Folding chair", "Field notebook"];

/// An event to append.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) stream: String,
    /// The version that the stream must have; -1 before its first event.
    pub(crate) expected: i64,
    pub(crate) kind: &'static str,
    pub(crate) data: String,
    pub(crate) id: Uuid,
}

/// The events of one writer, one after the other.
#[derive(Debug)]
pub(crate) struct Events {
    prefix: String,
    number: u64,
}

impl Events {
    /// Streams of this category; the writer's name keeps them apart from those of others.
    pub(crate) fn new(category: &str, writer: impl std::fmt::Display) -> Self {
        Self {
            prefix: format!("{category}-{writer}"),
            number: 0,
        }
    }

    /// The next one; its stream is the one before, until that has ten.
    pub(crate) fn next(&mut self) -> Event {
        let number = self.number;
        self.number += 1;
        Event {
            stream: format!("{}x{}", self.prefix, number / STREAM_EVENTS),
            expected: (number % STREAM_EVENTS) as i64 - 1,
            kind: TYPES[(number % 5) as usize],
            data: data(number),
            id: Ids.event_id(),
        }
    }
}

/// A document of 180 to 330 bytes.
pub(crate) fn data(number: u64) -> String {
    let line = |at: u64| {
        let name = GOODS[((number + at) % 4) as usize];
        format!(
            r#"{{"name": "{name}", "pieces": {}, "cents": {}}}"#,
            1 + (number + at) % 4,
            950 + (number * 37 + at) % 9_000
        )
    };
    let lines: Vec<String> = (0..=number % 4).map(line).collect();
    format!(
        r#"{{"order": "{:08}", "customer": "customer-{}", "city": "Lisbon", "express": {}, "note": "left at the door of number {}", "lines": [{}]}}"#,
        number,
        number % 997,
        number.is_multiple_of(3),
        number % 120,
        lines.join(", ")
    )
}
