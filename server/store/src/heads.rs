//! What the appender remembers of streams and types, so that a batch need not look them up.
//!
//! Ids never change within a session. A head is true as long as nobody else has appended since, and positions are dense: if the log ends where it ended
//! when the head was learned, plus what is on its way, nobody has. The database compares (`append_known`'s `seen`), so a wrong guess costs
//! a look-up; and were even that mistaken, the key on stream and version refuses.

use std::collections::HashMap;

use highwater_model::StreamName;

/// Streams remembered at most, in two halves: when the newer one is full, the older one goes. Some 15 MB with long names.
const STREAMS: usize = 65_536;
/// Types remembered at most; a program has hundreds.
const TYPES: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// Where the log ended after the newest batch that is settled.
    end: Option<i64>,
    /// Events of batches that are sent and not settled.
    sent: i64,
    /// Grows when somebody else has appended: what was learned before says nothing about heads.
    era: u64,
    newer: HashMap<StreamName, Head>,
    older: HashMap<StreamName, Head>,
    types: HashMap<String, i32>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    stream_id: i64,
    version: i64,
    era: u64,
}

impl Heads {
    /// Where the next batch will find the end of the log, if nobody else appends; -1 when that is not known.
    pub(crate) fn seen(&self) -> i64 {
        self.end.map_or(-1, |end| end + self.sent)
    }

    /// A stream's id and its newest version, as far as they are known.
    pub(crate) fn stream(&self, stream: &StreamName) -> (Option<i64>, Option<i64>) {
        match self.newer.get(stream).or_else(|| self.older.get(stream)) {
            Some(head) if head.era == self.era && self.end.is_some() => {
                (Some(head.stream_id), Some(head.version))
            }
            Some(head) => (Some(head.stream_id), None),
            None => (None, None),
        }
    }

    /// A type's id.
    pub(crate) fn event_type(&self, name: &str) -> Option<i32> {
        self.types.get(name).copied()
    }

    /// A batch of so many events is on its way.
    pub(crate) fn sent(&mut self, events: i64) {
        self.sent += events;
    }

    /// A batch that was sent with `seen` was recorded behind `base`; then come [`Heads::learn`] and [`Heads::learn_type`].
    pub(crate) fn recorded(&mut self, seen: i64, base: i64, events: i64) {
        self.sent -= events;
        if base != seen {
            self.era += 1;
        }
        self.end = self.end.max(Some(base + events));
    }

    /// What became of a batch is not known in every detail: every head must be looked up again.
    pub(crate) fn lost(&mut self, events: i64) {
        self.sent -= events;
        self.era += 1;
        self.end = None;
    }

    /// What was learned through another session may not be true in a new one: after a failover to a server that lagged behind, even ids
    /// mean something else.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            sent: self.sent,
            era: self.era + 1,
            ..Self::default()
        };
    }

    /// A stream's id, and its newest version now.
    pub(crate) fn learn(&mut self, stream: &StreamName, stream_id: i64, version: i64) {
        let head = Head {
            stream_id,
            version,
            era: self.era,
        };
        if let Some(known) = self.newer.get_mut(stream) {
            *known = head;
            return;
        }
        if self.newer.len() >= STREAMS / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(stream.clone(), head);
    }

    /// A type's id.
    pub(crate) fn learn_type(&mut self, name: &str, type_id: i32) {
        if self.types.len() >= TYPES {
            self.types.clear();
        }
        self.types.insert(name.to_owned(), type_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> StreamName {
        StreamName::new(format!("order-{number}")).unwrap()
    }

    #[test]
    fn a_head_is_known_until_somebody_else_appends() {
        let mut heads = Heads::default();
        assert_eq!((heads.seen(), heads.stream(&name(1))), (-1, (None, None)));
        heads.sent(2);
        heads.recorded(-1, 10, 2);
        heads.learn(&name(1), 7, 1);
        assert_eq!(heads.seen(), 12);
        assert_eq!(heads.stream(&name(1)), (Some(7), Some(1)));
        // The next two are on their way at once; the second is told what the first will have done.
        heads.sent(3);
        assert_eq!(heads.seen(), 15);
        heads.sent(1);
        heads.recorded(12, 12, 3);
        heads.recorded(15, 15, 1);
        assert_eq!(heads.stream(&name(1)), (Some(7), Some(1)));
        // Somebody else has appended: the id stays.
        heads.sent(1);
        heads.recorded(16, 20, 1);
        assert_eq!(
            (heads.seen(), heads.stream(&name(1))),
            (21, (Some(7), None))
        );
        heads.learn(&name(1), 7, 5);
        assert_eq!(heads.stream(&name(1)), (Some(7), Some(5)));
        heads.sent(1);
        heads.lost(1);
        assert_eq!(
            (heads.seen(), heads.stream(&name(1))),
            (-1, (Some(7), None))
        );
    }

    #[test]
    fn a_new_session_knows_nothing() {
        let mut heads = Heads::default();
        heads.sent(2);
        heads.recorded(-1, 10, 1);
        heads.learn(&name(1), 7, 1);
        heads.learn_type("Done", 3);
        heads.forget();
        assert_eq!((heads.seen(), heads.stream(&name(1))), (-1, (None, None)));
        assert_eq!(heads.event_type("Done"), None);
        // What is on its way still counts.
        heads.recorded(-1, 20, 1);
        assert_eq!(heads.seen(), 21);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let mut heads = Heads::default();
        for number in 0..STREAMS * 2 {
            heads.learn(&name(number), 1, 0);
            heads.learn(&name(0), 9, 9);
            assert!(heads.newer.len() + heads.older.len() <= STREAMS);
        }
        assert_eq!(heads.stream(&name(0)).0, Some(9));
        assert_eq!(heads.stream(&name(1)).0, None);
    }
}
