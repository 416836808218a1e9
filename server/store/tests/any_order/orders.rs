//! What is done to the store.

use highwater_model::{ExpectedVersion, Version};
use highwater_store::Direction;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Few of each, so that they meet.
pub(crate) const STREAMS: usize = 3;
pub(crate) const IDS: usize = 5;

/// An event to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct New {
    pub(crate) event_type: &'static str,
    pub(crate) data: i64,
    /// One of the case's ids; none: the store gives one.
    pub(crate) id: Option<usize>,
}

/// What is appended to one stream.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) stream: usize,
    pub(crate) expected: ExpectedVersion,
    pub(crate) events: Vec<New>,
}

#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// To several streams at once.
    Append(Vec<Part>),
    /// The same as an earlier one.
    AppendAgain(Index),
    /// By SQL, committed or rolled back.
    Transaction(Vec<Part>, bool),
    /// Behind so many events, page by page.
    ReadLog(usize, usize, Direction),
    /// A page.
    ReadStream(usize, Option<i64>, usize, Direction),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let new = (
        select(vec!["Opened", "Changed"]),
        0..2_i64,
        prop::option::weighted(0.4, 0..IDS),
    );
    let new = new.prop_map(|(event_type, data, id)| New {
        event_type,
        data,
        id,
    });
    let expected = prop_oneof![
        4 => Just(ExpectedVersion::Any),
        1 => Just(ExpectedVersion::None),
        1 => Just(ExpectedVersion::Exists),
        2 => (0..4_i64).prop_map(|version| ExpectedVersion::Exactly(Version(version))),
    ];
    let events = prop::collection::vec(new, 1..4);
    let part = (0..STREAMS, expected, events).prop_map(|(stream, expected, events)| Part {
        stream,
        expected,
        events,
    });
    prop::collection::vec(part, 1..4)
}

/// By SQL an id stands once in an append: twice is refused before anything is looked up, and has its own test.
fn transaction() -> impl Strategy<Value = Order> {
    (parts(), any::<bool>()).prop_map(|(mut parts, commits)| {
        for part in &mut parts {
            let mut seen = Vec::new();
            for new in &mut part.events {
                new.id = new.id.filter(|id| !seen.contains(id));
                seen.extend(new.id);
            }
        }
        Order::Transaction(parts, commits)
    })
}

pub(crate) fn orders() -> impl Strategy<Value = Vec<Order>> {
    let direction = || select(vec![Direction::Forward, Direction::Backward]);
    let limit = || 1..6_usize;
    let stream = (0..STREAMS, prop::option::of(0..6_i64), limit(), direction());
    let order = prop_oneof![
        5 => parts().prop_map(Order::Append),
        2 => any::<Index>().prop_map(Order::AppendAgain),
        3 => transaction(),
        1 => (0..9_usize, limit(), direction())
            .prop_map(|(after, limit, direction)| Order::ReadLog(after, limit, direction)),
        1 => stream.prop_map(|(stream, from, limit, direction)| {
            Order::ReadStream(stream, from, limit, direction)
        }),
    ];
    prop::collection::vec(order, 1..16)
}
