//! What a connection is doing, so that one that only takes up room is ended.
//!
//! HTTP's own time-out for heads would count from the end of the answer before, and so end every connection that is kept for the next
//! request; here a head counts from its first byte.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long somebody may take nothing of an answer that waits for them. Long: a person may page through an export.
const STUCK: Duration = Duration::from_mins(10);

/// How long a connection may be at what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From the first byte of a request, or from when somebody came, until its head is there.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
}

impl Patience {
    /// How often it is looked at: a head may take that much longer.
    pub(super) fn look(&self) -> Duration {
        (self.head / 2).max(Duration::from_millis(10))
    }
}

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A head does not come.
    Head,
    /// Nothing was asked for long.
    Idle,
    /// An answer is not taken.
    Stuck,
}

impl Overdue {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Stuck => "stuck",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A request has begun, and its head is not there yet.
    Head,
    /// It is answered.
    Busy,
    /// Between two requests.
    Idle,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Answers that are not over.
    answers: u32,
    /// Since when nothing can be written.
    stuck: Option<Instant>,
}

/// What one connection is doing.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<State>);

impl Pulse {
    /// Of somebody who has just come.
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State {
            phase: Phase::Head,
            since: now,
            answers: 0,
            stuck: None,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes have come.
    pub(super) fn heard(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.phase = Phase::Head;
            state.since = Instant::now();
        }
    }

    /// Bytes were taken, or not.
    pub(super) fn wrote(&self, is_taken: bool) {
        let mut state = self.state();
        if is_taken {
            state.stuck = None;
            // An answer is over when its last part is buffered; what is buffered may take long.
            if state.phase == Phase::Idle {
                state.since = Instant::now();
            }
        } else {
            state.stuck.get_or_insert_with(Instant::now);
        }
    }

    /// Why it is to end, if it is.
    pub(super) fn overdue(&self, patience: Patience, now: Instant) -> Option<Overdue> {
        let state = self.state();
        let since = now.saturating_duration_since(state.since);
        if state
            .stuck
            .is_some_and(|stuck| now.saturating_duration_since(stuck) > STUCK)
        {
            return Some(Overdue::Stuck);
        }
        match state.phase {
            Phase::Head if since > patience.head => Some(Overdue::Head),
            Phase::Idle if state.stuck.is_none() && since > patience.idle => Some(Overdue::Idle),
            Phase::Head | Phase::Idle | Phase::Busy => None,
        }
    }
}

/// A request is answered for as long as this lives.
#[derive(Debug)]
pub(super) struct Busy(Arc<Pulse>);

impl Busy {
    /// From now on.
    pub(super) fn new(pulse: &Arc<Pulse>) -> Self {
        {
            let mut state = pulse.state();
            state.answers += 1;
            state.phase = Phase::Busy;
        }
        Self(Arc::clone(pulse))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.answers = state.answers.saturating_sub(1);
        if state.answers == 0 {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_mins(5),
    };

    #[test]
    fn a_head_counts_from_its_first_byte_and_not_from_the_answer_before() {
        let start = Instant::now();
        let pulse = Arc::new(Pulse::new(start));
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert_eq!(pulse.overdue(PATIENCE, after(9)), None);
        assert_eq!(pulse.overdue(PATIENCE, after(11)), Some(Overdue::Head));
        let busy = Busy::new(&pulse);
        assert_eq!(pulse.overdue(PATIENCE, after(1_000)), None);
        drop(busy);
        assert_eq!(pulse.overdue(PATIENCE, after(11)), None);
        assert_eq!(pulse.overdue(PATIENCE, after(301)), Some(Overdue::Idle));
        pulse.heard();
        assert_eq!(pulse.overdue(PATIENCE, after(11)), Some(Overdue::Head));
    }

    #[test]
    fn who_takes_nothing_of_an_answer_is_given_up_after_minutes() {
        let pulse = Arc::new(Pulse::new(Instant::now()));
        let _busy = Busy::new(&pulse);
        pulse.wrote(false);
        let late = Instant::now() + STUCK + Duration::from_secs(1);
        assert_eq!(pulse.overdue(PATIENCE, late), Some(Overdue::Stuck));
        pulse.wrote(true);
        assert_eq!(pulse.overdue(PATIENCE, late), None);
    }

    #[test]
    fn who_still_takes_what_is_buffered_is_not_idle() {
        let pulse = Arc::new(Pulse::new(Instant::now()));
        drop(Busy::new(&pulse));
        pulse.wrote(false);
        let late = PATIENCE.idle + Duration::from_secs(1);
        assert_eq!(pulse.overdue(PATIENCE, Instant::now() + late), None);
        let before = Instant::now();
        pulse.wrote(true);
        // It counts from when it was taken.
        assert_eq!(pulse.overdue(PATIENCE, before + PATIENCE.idle), None);
        let late = Instant::now() + late;
        assert_eq!(pulse.overdue(PATIENCE, late), Some(Overdue::Idle));
    }
}
