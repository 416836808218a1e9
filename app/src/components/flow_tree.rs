//! The events of a flow as a tree: each below the event that caused it.

use std::collections::HashMap;

use highwater_model::{Flow, FlowEvent};
use uuid::Uuid;

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause<'a> {
    /// It names none: something from outside of the store.
    None,
    /// An event of the flow.
    Inside(&'a FlowEvent),
    /// An event of another flow, or of none.
    Outside(&'a FlowEvent),
    /// It names one that is not in the store.
    Missing(Uuid),
    /// It names one of which this flow's page knows nothing: the flow is larger than the page.
    Unknown(Uuid),
}

/// A row of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch<'a> {
    /// The event.
    pub event: &'a FlowEvent,
    /// How many causes it has above it.
    pub depth: usize,
    /// What caused it.
    pub cause: Cause<'a>,
    /// How many events it caused itself.
    pub effects: usize,
}

impl Branch<'_> {
    /// Milliseconds since its cause, if that is known; less than none when clocks disagree.
    pub fn since_cause_ms(&self) -> Option<i64> {
        let (Cause::Inside(cause) | Cause::Outside(cause)) = self.cause else {
            return None;
        };
        Some(self.event.occurred_at.as_millisecond() - cause.occurred_at.as_millisecond())
    }
}

/// The rows, causes before their effects, effects in the order of the log. Every event is there once, those of a circle too.
pub fn branches(flow: &Flow) -> Vec<Branch<'_>> {
    let places: HashMap<Uuid, usize> = (0..)
        .zip(&flow.events)
        .map(|(at, event)| (event.id, at))
        .collect();
    let mut effects: Vec<Vec<usize>> = vec![Vec::new(); flow.events.len()];
    let mut roots = Vec::new();
    for (at, event) in flow.events.iter().enumerate() {
        match event.caused_by.and_then(|cause| places.get(&cause)) {
            Some(cause) if *cause != at => effects[*cause].push(at),
            _ => roots.push(at),
        }
    }
    let mut rows = Vec::with_capacity(flow.events.len());
    let mut seen = vec![false; flow.events.len()];
    let mut grow = |root: usize, seen: &mut Vec<bool>| {
        // A stack of its own: a chain may be as long as the flow.
        let mut waiting = vec![(root, 0)];
        while let Some((at, depth)) = waiting.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let event = &flow.events[at];
            rows.push(Branch {
                event,
                depth,
                cause: cause(flow, event, &places),
                effects: effects[at].len(),
            });
            waiting.extend(effects[at].iter().rev().map(|effect| (*effect, depth + 1)));
        }
    };
    for root in roots {
        grow(root, &mut seen);
    }
    // Events that cause each other in a circle have no root.
    for at in 0..flow.events.len() {
        grow(at, &mut seen);
    }
    rows
}

fn cause<'a>(flow: &'a Flow, event: &FlowEvent, places: &HashMap<Uuid, usize>) -> Cause<'a> {
    let Some(id) = event.caused_by else {
        return Cause::None;
    };
    if let Some(at) = places.get(&id) {
        return Cause::Inside(&flow.events[*at]);
    }
    if let Some(event) = flow.outside.iter().find(|event| event.id == id) {
        return Cause::Outside(event);
    }
    if flow.missing.contains(&id) {
        Cause::Missing(id)
    } else {
        Cause::Unknown(id)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use highwater_model::{FlowState, FlowSummary, Position, StreamName, Version};
    use jiff::Timestamp;

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    /// A flow of events that are caused by others of these numbers, from 1, each in a stream of its own of three.
    pub(crate) fn flow(causes: &[Option<u128>]) -> Flow {
        let start = Timestamp::from_second(1_767_225_600).unwrap();
        let event = |(at, cause): (usize, &Option<u128>)| {
            let number = i64::try_from(at).unwrap();
            let when = Timestamp::from_second(start.as_second() + number).unwrap();
            FlowEvent {
                id: id(at as u128 + 1),
                position: Position(number + 1),
                stream: StreamName::new(format!("order-{}", at % 3)).unwrap(),
                version: Version(0),
                event_type: format!("OrderDid{at}"),
                service: Some(format!("service{}", at % 2)),
                caused_by: cause.map(id),
                occurred_at: when,
                recorded_at: when,
            }
        };
        let events: Vec<FlowEvent> = causes.iter().enumerate().map(event).collect();
        Flow {
            summary: FlowSummary {
                correlation_id: id(99),
                kind: "OrderDid0".to_owned(),
                state: FlowState::NoRule,
                late: false,
                outcome: None,
                last_type: events.last().unwrap().event_type.clone(),
                events: i64::try_from(events.len()).unwrap(),
                first_position: Position(1),
                last_position: Position(i64::try_from(events.len()).unwrap()),
                began_at: start,
                ended_at: events.last().unwrap().occurred_at,
            },
            rule: None,
            outside: Vec::new(),
            missing: events
                .iter()
                .filter_map(|event| event.caused_by)
                .filter(|cause| events.iter().all(|event| event.id != *cause))
                .collect(),
            events,
        }
    }

    fn rows(causes: &[Option<u128>]) -> Vec<(u128, usize)> {
        branches(&flow(causes))
            .iter()
            .map(|row| (row.event.id.as_u128(), row.depth))
            .collect()
    }

    #[test]
    fn effects_stand_below_their_causes_in_the_order_of_the_log() {
        let found = rows(&[None, Some(1), Some(1), Some(2), None]);
        assert_eq!(found, [(1, 0), (2, 1), (4, 2), (3, 1), (5, 0)]);
    }

    #[test]
    fn a_circle_and_an_event_that_causes_itself_are_there_once() {
        assert_eq!(rows(&[Some(2), Some(1)]), [(1, 0), (2, 1)]);
        assert_eq!(rows(&[Some(1)]), [(1, 0)]);
    }

    #[test]
    fn a_chain_as_long_as_the_flow_is_followed_to_its_end() {
        let causes: Vec<Option<u128>> = (0..5_000).map(|at| (at > 0).then_some(at)).collect();
        assert_eq!(rows(&causes).last(), Some(&(5_000, 4_999)));
    }

    #[test]
    fn a_cause_that_is_nowhere_is_told() {
        let flow = flow(&[None, Some(77)]);
        let rows = branches(&flow);
        assert_eq!(rows[1].cause, Cause::Missing(id(77)));
        assert_eq!(rows[1].since_cause_ms(), None);
        assert_eq!(rows[0].cause, Cause::None);
    }
}
