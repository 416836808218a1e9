//! How many events a second, over the last second or so.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A sliding window of counts.
#[derive(Debug)]
pub(crate) struct Rate {
    window: Duration,
    counts: VecDeque<(Instant, u64)>,
}

impl Rate {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            counts: VecDeque::new(),
        }
    }

    pub(crate) fn add(&mut self, now: Instant, count: u64) {
        self.forget(now);
        // One entry for 10 ms is fine enough, and it bounds the queue.
        match self.counts.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < Duration::from_millis(10) => *sum += count,
            _ => self.counts.push_back((now, count)),
        }
    }

    pub(crate) fn per_second(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let sum: u64 = self.counts.iter().map(|(_, count)| count).sum();
        // Counts of one window stay far below 2^32.
        f64::from(u32::try_from(sum).unwrap_or(u32::MAX)) / self.window.as_secs_f64()
    }

    fn forget(&mut self, now: Instant) {
        while self
            .counts
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > self.window)
        {
            self.counts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_forgets_what_left_the_window() {
        let start = Instant::now();
        let mut rate = Rate::new(Duration::from_secs(2));
        rate.add(start, 100);
        rate.add(start + Duration::from_millis(1_500), 20);
        assert!((rate.per_second(start + Duration::from_millis(1_600)) - 60.0).abs() < 1e-9);
        assert!((rate.per_second(start + Duration::from_millis(2_500)) - 10.0).abs() < 1e-9);
        assert!(rate.per_second(start + Duration::from_secs(9)).abs() < 1e-9);
    }
}
