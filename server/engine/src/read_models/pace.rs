//! How many events the next slice takes.

use std::time::Duration;

use highwater_model::Position;
use highwater_store::read_models::{BegunSlice, SliceSize};

/// A slice of a live read model should take no longer: what it locks is free again, and the next events don't wait.
const LIVE: Duration = Duration::from_millis(50);
/// A slice that catches up: long enough that its commit and its plan cost nothing, short enough to be stopped.
const CATCHING_UP: Duration = Duration::from_secs(1);
/// A slice of a version that nobody reads yet. Each slice writes the rows anew that it shares with those before it, so few and long
/// ones cost least; an order to it waits for the end of one.
const BUILDING: Duration = Duration::from_secs(4);
/// The first slice of a version that nobody reads yet.
const FIRST: i32 = 10_000;
/// A slice that is fast is followed by one of so many times its events at most: what events cost may grow with the rows.
const GROWTH: f64 = 32.0;
/// Positions behind the head from which slices are large.
pub(crate) const FAR: i64 = 20_000;

/// The size of slices, by the time that they take; halved while an event is looked for that fails.
#[derive(Debug)]
pub(crate) struct Pace {
    most: i32,
    limit: i32,
    size: SliceSize,
    /// What slices become when it is far behind.
    large: SliceSize,
    /// The end of a slice that failed: the event is somewhere before it.
    suspect: Option<Position>,
    /// How many times the time that a slice may take is halved.
    halved: u32,
    /// A slice was too much: they grow slowly from now on, or each step up would be followed by many down.
    wary: bool,
    /// Events and time of the last slice that took too long, until one is fast.
    slow: Option<(i64, Duration)>,
    /// It is held back by order.
    kept: bool,
}

impl Pace {
    pub(crate) fn new(limit: i32, large: SliceSize) -> Self {
        Self {
            most: 100.min(limit),
            limit,
            size: SliceSize::Live,
            large,
            suspect: None,
            halved: 0,
            wary: false,
            slow: None,
            kept: false,
        }
    }

    /// Events that the next slice takes at most.
    pub(crate) fn most(&self) -> i32 {
        self.most
    }

    /// Which size slices should get, after one.
    pub(crate) fn resize(&self, slice: &BegunSlice) -> Option<SliceSize> {
        let behind = slice.head.0 - slice.upto.0;
        // What is small because it begins, or is kept small, grows first, or stays: large slices have other plans.
        let is_large_enough = self.most >= self.limit || self.slow.is_some();
        let full = slice.events >= i64::from(self.most) && is_large_enough && !self.kept;
        if !self.is_large() && self.suspect.is_none() && full && behind > FAR {
            Some(self.large)
        } else if self.is_large() && behind <= 0 {
            Some(SliceSize::Live)
        } else {
            None
        }
    }

    /// Slices of a version that has yet to handle its first event, and has far to go. `whole`: the first one costs least when it is
    /// as large as it can be.
    pub(crate) fn begin_large(&mut self, size: SliceSize, limit: i32, whole: bool) {
        self.resized(size, limit);
        self.most = if whole { limit } else { FIRST.min(limit) };
    }

    /// Slices have this size from now on.
    pub(crate) fn resized(&mut self, size: SliceSize, limit: i32) {
        self.size = size;
        self.limit = limit;
        self.most = self.most.min(limit);
    }

    /// It has come to where the log ends: from now on its rows are read.
    pub(crate) fn is_read(&mut self) {
        self.large = SliceSize::CatchUp;
    }

    pub(crate) fn is_large(&self) -> bool {
        self.size != SliceSize::Live
    }

    /// No slice has more events than this, by order.
    pub(crate) fn keep_below(&mut self, most: i32) {
        self.kept = most < self.limit;
        self.most = self.most.min(most.max(1));
    }

    /// Slices that yield to others take less time; those that yield more than before are smaller at once.
    pub(crate) fn yields(&mut self, halved: u32, more: bool) {
        self.halved = halved;
        if more {
            self.was_too_much();
        }
    }

    /// A slice was handled.
    pub(crate) fn took(&mut self, slice: &BegunSlice, time: Duration) {
        if let Some(suspect) = self.suspect {
            if slice.upto < suspect {
                return;
            }
            self.suspect = None;
        }
        let halved = 1 << self.halved.min(5);
        let (target, growth) = match self.size {
            SliceSize::Live => (LIVE, 2.0),
            SliceSize::CatchUp => (CATCHING_UP / halved, GROWTH),
            SliceSize::Rebuild => (BUILDING / halved, GROWTH),
        };
        let growth = if self.wary { 2.0 } else { growth };
        if time > target * 2 {
            self.most = if self.size != SliceSize::Rebuild && self.was_in_vain(slice, time) {
                grown(self.most, if self.wary { 2.0 } else { 4.0 }).min(self.limit)
            } else {
                (self.most / 2).max(1)
            };
        } else if time < target / 2 && slice.events >= i64::from(self.most) {
            // Not quite what would fit: the more events, the more a group or a sort of them costs each.
            let fits = target.as_secs_f64() / time.as_secs_f64().max(0.000_001) * 0.8;
            self.most = grown(self.most, fits.clamp(1.5, growth)).min(self.limit);
            self.slow = None;
        }
    }

    /// Whether fewer events than in the slow slice before took about as long. Then it is the slice that costs, not its events: smaller
    /// ones would only let it fall behind, up to one event a slice.
    fn was_in_vain(&mut self, slice: &BegunSlice, time: Duration) -> bool {
        let before = self.slow.replace((slice.events, time));
        before.is_some_and(|(events, took)| slice.events * 4 <= events * 3 && time * 5 > took * 4)
    }

    /// A slice was more than the database had room for, perhaps.
    pub(crate) fn was_too_much(&mut self) {
        self.wary = true;
        self.most = (self.most / 2).max(1);
    }

    /// A slice failed. True: it had one event, and that is the one.
    pub(crate) fn failed(&mut self, slice: &BegunSlice) -> bool {
        if slice.events <= 1 {
            self.suspect = None;
            return true;
        }
        self.suspect = self.suspect.max(Some(slice.upto));
        self.most = i32::try_from(slice.events / 2).unwrap_or(1).max(1);
        false
    }
}

fn grown(most: i32, times: f64) -> i32 {
    // Saturates.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it ends at the largest number there is"
    )]
    let grown = (f64::from(most) * times) as i32;
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(after: i64, events: i64) -> BegunSlice {
        BegunSlice {
            after: Position(after),
            first: Position(after + 1),
            upto: Position(after + events),
            events,
            head: Position(1_000_000),
        }
    }

    #[test]
    fn slices_grow_while_they_are_fast_and_full_and_shrink_when_slow() {
        let mut pace = Pace::new(1_000, SliceSize::CatchUp);
        pace.took(&slice(0, 100), Duration::from_millis(5));
        assert_eq!(pace.most(), 200);
        pace.took(&slice(0, 3), Duration::from_millis(5));
        assert_eq!(pace.most(), 200);
        pace.took(&slice(0, 200), Duration::from_millis(300));
        assert_eq!(pace.most(), 100);
        for _ in 0..9 {
            pace.took(&slice(0, 1_000), Duration::from_millis(5));
        }
        assert_eq!(pace.most(), 1_000);
        assert_eq!(pace.resize(&slice(0, 1_000)), Some(SliceSize::CatchUp));
    }

    /// Slices of a live read model that begins so far behind, and whose events come at 1,000 a second: how far it is behind in the end.
    fn behind_after(slices: u32, far: i64, time: impl Fn(SliceSize, i64) -> Duration) -> i64 {
        let mut pace = Pace::new(1_000, SliceSize::CatchUp);
        let (mut upto, mut clock) = (0, Duration::ZERO);
        for _ in 0..slices {
            let head = far + i64::try_from(clock.as_millis()).unwrap() + 1;
            let events = (head - upto).min(i64::from(pace.most()));
            let slice = BegunSlice {
                head: Position(head),
                ..slice(upto, events)
            };
            let time = time(pace.size, events);
            let resize = pace.resize(&slice);
            pace.took(&slice, time);
            if let Some(size) = resize {
                let limit = if size == SliceSize::Live {
                    1_000
                } else {
                    50_000
                };
                pace.resized(size, limit);
            }
            clock += time.max(Duration::from_millis(1));
            upto = slice.upto.0;
        }
        far + i64::try_from(clock.as_millis()).unwrap() - upto
    }

    #[test]
    fn slices_that_are_slow_whatever_they_hold_do_not_shrink_until_it_falls_behind() {
        for fixed in [120, 300, 700] {
            let behind = behind_after(2_000, 0, |_, events| {
                Duration::from_millis(fixed) + Duration::from_micros(events.unsigned_abs() * 50)
            });
            assert!(behind < FAR, "{fixed} ms a slice: {behind} behind");
        }
        // Small ones are fast, and large ones would not be: it goes on with small ones, from far behind.
        for large in [600, 900, 1_500] {
            let behind = behind_after(20_000, 300_000, |size, events| {
                let fixed = if size == SliceSize::Live { 5 } else { large };
                Duration::from_millis(fixed) + Duration::from_micros(events.unsigned_abs() * 50)
            });
            assert!(behind < 1_000, "{large} ms a large slice: {behind} behind");
        }
        // What each event costs is felt: slices are short.
        let mut pace = Pace::new(1_000, SliceSize::CatchUp);
        for _ in 0..20 {
            let most = i64::from(pace.most());
            pace.took(
                &slice(0, most),
                Duration::from_millis(5 * most.unsigned_abs()),
            );
        }
        assert!((5..=20).contains(&pace.most()), "{}", pace.most());
    }

    #[test]
    fn what_is_far_behind_gets_large_slices_however_small_they_have_become_but_not_by_order() {
        let mut pace = Pace::new(1_000, SliceSize::CatchUp);
        assert_eq!(pace.resize(&slice(0, 100)), None, "it has yet to grow");
        pace.took(&slice(0, 100), Duration::from_millis(300));
        assert_eq!(pace.most(), 50);
        assert_eq!(pace.resize(&slice(0, 49)), None, "it was not full");
        assert_eq!(pace.resize(&slice(0, 50)), Some(SliceSize::CatchUp));
        pace.keep_below(20);
        assert_eq!(pace.resize(&slice(0, 20)), None, "it is held back");
        pace.keep_below(i32::MAX);
        assert_eq!(pace.resize(&slice(0, 20)), Some(SliceSize::CatchUp));
    }

    #[test]
    fn what_nobody_reads_is_built_in_few_slices_and_only_until_somebody_does() {
        let mut pace = Pace::new(1_000, SliceSize::Rebuild);
        pace.begin_large(SliceSize::Rebuild, 1_000_000, false);
        assert_eq!(pace.most(), FIRST);
        pace.took(&slice(0, 10_000), Duration::from_millis(50));
        assert_eq!(pace.most(), 320_000);
        pace.was_too_much();
        pace.took(&slice(0, 160_000), Duration::from_millis(400));
        assert_eq!(pace.most(), 320_000, "twice as many at most");
        pace.resized(SliceSize::Live, 1_000);
        pace.is_read();
        assert_eq!(pace.resize(&slice(0, 1_000)), Some(SliceSize::CatchUp));
    }

    #[test]
    fn the_failing_event_is_found_in_few_attempts() {
        let bad = 5_001;
        let mut pace = Pace::new(50_000, SliceSize::CatchUp);
        pace.resized(SliceSize::CatchUp, 50_000);
        pace.most = 10_000;
        let (mut checkpoint, mut attempts) = (0, 0);
        loop {
            attempts += 1;
            let slice = slice(checkpoint, i64::from(pace.most()));
            if (slice.first.0..=slice.upto.0).contains(&bad) {
                if pace.failed(&slice) {
                    break;
                }
            } else {
                pace.took(&slice, Duration::from_millis(1));
                checkpoint = slice.upto.0;
            }
        }
        assert_eq!(checkpoint, bad - 1);
        assert!(attempts < 30, "{attempts}");
    }
}
