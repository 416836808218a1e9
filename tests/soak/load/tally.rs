//! What writers and readers note while they run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than anything that is waited for, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// Notes since they were last taken. One lock for all: it is taken once an append and once a frame.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Instant,
    window: Mutex<Window>,
}

/// What happened in a time.
#[derive(Debug)]
pub(crate) struct Window {
    /// Events whose append was acknowledged.
    pub(crate) accepted: u64,
    /// Events that were due and not sent, as all connections were busy.
    pub(crate) not_sent: u64,
    /// Events that were refused, by status.
    pub(crate) refused: BTreeMap<u16, Refused>,
    /// Connections of writers and readers that broke.
    pub(crate) broken: u64,
    /// Gaps that readers were told of.
    pub(crate) gaps: u64,
    /// Microseconds from when an append was due to its acknowledgement.
    pub(crate) appends: Histogram<u64>,
    /// Microseconds from when an append was sent to each reader that has the event.
    pub(crate) deliveries: Histogram<u64>,
}

/// Events that were refused.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Refused {
    pub(crate) events: u64,
    /// Those among them whose answer had no Retry-After.
    pub(crate) without_retry_after: u64,
}

impl Tally {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            began: Instant::now(),
            window: Mutex::new(Window::new()?),
        })
    }

    /// Microseconds since it began: the clock of the events' data.
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Notes something.
    pub(crate) fn note(&self, what: impl FnOnce(&mut Window)) {
        what(&mut self.window.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What was noted since the last time.
    pub(crate) fn take(&self) -> Result<Window> {
        let mut taken = Window::new()?;
        self.note(|window| std::mem::swap(window, &mut taken));
        Ok(taken)
    }
}

impl Window {
    fn new() -> Result<Self> {
        Ok(Self {
            accepted: 0,
            not_sent: 0,
            refused: BTreeMap::new(),
            broken: 0,
            gaps: 0,
            appends: Histogram::new_with_max(LONGEST, 3)?,
            deliveries: Histogram::new_with_max(LONGEST, 3)?,
        })
    }
}
