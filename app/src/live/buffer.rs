//! The rows of the live page: bounded, newest first, with what was not read as rows of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use highwater_model::{Gap, Position, RecordedEvent};

/// Rows kept at most. Far more than anyone scrolls through; what leaves is in the log, one link away.
pub const CAPACITY: usize = 2_000;

/// A row of the page.
#[derive(Debug, Clone)]
pub enum Row {
    /// An event.
    Event(Arc<RecordedEvent>),
    /// Positions that were not read.
    Gap(Gap),
}

/// The rows: those shown, and those held back while the page must stand still.
#[derive(Debug, Clone, Default)]
pub struct Buffer {
    shown: VecDeque<Row>,
    held: VecDeque<Row>,
    /// Events counted while held, those included that no longer fit.
    held_count: u64,
    holding: bool,
}

impl Buffer {
    /// Starts with a page of the log, newest first.
    pub fn new(events: impl IntoIterator<Item = RecordedEvent>) -> Self {
        Self {
            shown: events
                .into_iter()
                .map(|event| Row::Event(Arc::new(event)))
                .collect(),
            ..Self::default()
        }
    }

    /// How many rows are shown.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The row at this place, 0 the newest.
    pub fn row(&self, at: usize) -> Option<&Row> {
        self.shown.get(at)
    }

    /// How many events wait for the page to move on.
    pub fn held(&self) -> u64 {
        self.held_count
    }

    /// Position of the oldest event shown.
    pub fn oldest(&self) -> Option<Position> {
        self.shown.iter().rev().find_map(|row| match row {
            Row::Event(event) => Some(event.position),
            Row::Gap(_) => None,
        })
    }

    /// Holds new events back, or lets them in.
    pub fn hold(&mut self, holding: bool) {
        self.holding = holding;
        if !holding && !self.held.is_empty() {
            self.held_count = 0;
            while let Some(row) = self.held.pop_back() {
                self.shown.push_front(row);
            }
            self.shown.truncate(CAPACITY);
        }
    }

    /// Takes events in the order of the log.
    pub fn push(&mut self, events: impl IntoIterator<Item = RecordedEvent>) {
        for event in events {
            let row = Row::Event(Arc::new(event));
            if self.holding {
                self.held_count += 1;
                self.held.push_front(row);
            } else {
                self.shown.push_front(row);
            }
        }
        self.shown.truncate(CAPACITY);
        self.bound_held();
    }

    /// Takes a gap.
    pub fn push_gap(&mut self, gap: Gap) {
        if self.holding {
            self.held.push_front(Row::Gap(gap));
        } else {
            self.shown.push_front(Row::Gap(gap));
        }
    }

    /// Puts what was read into its gap; what is still missing stays a gap. `events` in the order of the log; `read_to` is the last
    /// position that was read, matching or not.
    pub fn fill(&mut self, gap: Gap, events: Vec<RecordedEvent>, read_to: Position) {
        let Some(at) = self
            .shown
            .iter()
            .position(|row| matches!(row, Row::Gap(found) if *found == gap))
        else {
            return;
        };
        self.shown.remove(at);
        let rest = Gap::between(read_to, gap.before);
        let mut rows: Vec<Row> = events
            .into_iter()
            .rev()
            .map(|event| Row::Event(Arc::new(event)))
            .collect();
        if rest.count > 0 {
            rows.insert(0, Row::Gap(rest));
        }
        for row in rows.into_iter().rev() {
            self.shown.insert(at, row);
        }
        self.shown.truncate(CAPACITY);
    }

    /// Held rows that no longer fit become one gap at the older end: nothing is dropped in silence.
    fn bound_held(&mut self) {
        if self.held.len() <= CAPACITY {
            return;
        }
        let mut after = None;
        let mut before = None;
        while self.held.len() >= CAPACITY {
            let (low, high) = match self.held.pop_back() {
                Some(Row::Event(event)) => (Position(event.position.0 - 1), event.position.next()),
                Some(Row::Gap(gap)) => (gap.after, gap.before),
                None => break,
            };
            after = after.or(Some(low));
            before = Some(high);
        }
        if let (Some(after), Some(before)) = (after, before) {
            self.held.push_back(Row::Gap(Gap::between(after, before)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(position: i64) -> RecordedEvent {
        serde_json::from_str(&format!(
            r#"{{"position":{position},"stream":"a-1","category":"a","version":0,"id":"0192f3c1-77de-7c3a-9f10-000000000000","type":"T",
                "data":{{}},"metadata":{{}},"occurred_at":"2026-01-01T00:00:00Z","recorded_at":"2026-01-01T00:00:00Z"}}"#
        ))
        .unwrap()
    }

    fn shown(buffer: &Buffer) -> Vec<String> {
        (0..buffer.len())
            .filter_map(|at| buffer.row(at))
            .map(|row| match row {
                Row::Event(event) => event.position.to_string(),
                Row::Gap(gap) => format!("{}..{}", gap.after, gap.before),
            })
            .collect()
    }

    #[test]
    fn held_events_are_counted_and_come_in_order() {
        let mut buffer = Buffer::new([event(1)]);
        buffer.hold(true);
        buffer.push([event(2), event(3)]);
        assert_eq!((buffer.held(), shown(&buffer)), (2, vec!["1".to_owned()]));
        buffer.hold(false);
        assert_eq!(
            (buffer.held(), shown(&buffer)),
            (0, vec!["3".to_owned(), "2".to_owned(), "1".to_owned()])
        );
    }

    #[test]
    fn what_no_longer_fits_while_held_becomes_one_gap() {
        let mut buffer = Buffer::new([event(1)]);
        buffer.hold(true);
        for position in 2..=5_001 {
            buffer.push([event(position)]);
        }
        assert_eq!(buffer.held(), 5_000);
        assert!(buffer.held.len() <= CAPACITY);
        let Some(Row::Gap(gap)) = buffer.held.back() else {
            panic!("a gap stands at the older end")
        };
        assert_eq!(gap.after, Position(1));
        let Some(Row::Event(next)) = buffer.held.get(buffer.held.len() - 2) else {
            panic!("then events")
        };
        assert_eq!(gap.before, next.position);
    }

    #[test]
    fn a_gap_fills_in_parts() {
        let mut buffer = Buffer::new([event(1)]);
        let gap = Gap::between(Position(1), Position(6));
        buffer.push_gap(gap);
        buffer.push([event(6)]);
        buffer.fill(gap, vec![event(2), event(3)], Position(3));
        assert_eq!(shown(&buffer), ["6", "3..6", "3", "2", "1"]);
        buffer.fill(
            Gap::between(Position(3), Position(6)),
            vec![event(5)],
            Position(5),
        );
        assert_eq!(shown(&buffer), ["6", "5", "3", "2", "1"]);
    }

    #[test]
    fn rows_are_bounded() {
        let mut buffer = Buffer::default();
        buffer.push((1..=3_000).map(event));
        assert_eq!(buffer.len(), CAPACITY);
    }
}
