//! Whether a rebuild yields to what is live. Pure: it is told what is seen, and says how much the rebuild may take.

use std::time::Duration;

/// Seconds that the live version may be behind.
const BEHIND: f64 = 2.0;
/// Appends take long when they take so many times what they take when it is calm, and longer than a person notices.
const TIMES: u32 = 5;
const NOTICED: Duration = Duration::from_millis(50);
/// It yields in steps; each halves the slices, and doubles the share of time that it rests.
const STEPS: u32 = 5;
/// It rests no longer than this: a rebuild always goes on.
const REST: Duration = Duration::from_secs(5);

/// What is seen of the live side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Seconds that the live version is behind; none: it does not run.
    pub(super) behind: Option<f64>,
    /// How long appends take, lately and when it is calm; none: nothing is appended here.
    pub(super) appends: Option<(Duration, Duration)>,
}

/// How much a rebuild yields.
#[derive(Debug, Default)]
pub(super) struct Governor {
    step: u32,
    why: Option<&'static str>,
}

impl Governor {
    /// After each look. True: it yields more than before.
    pub(super) fn saw(&mut self, seen: Seen) -> bool {
        let behind = seen.behind.is_some_and(|seconds| seconds > BEHIND);
        let slow = seen
            .appends
            .is_some_and(|(lately, calm)| lately > NOTICED && lately > calm * TIMES);
        if behind || slow {
            self.why = Some(if behind {
                "it yields: the live read model is behind"
            } else {
                "it yields: appends take long"
            });
            let more = self.step < STEPS;
            self.step = (self.step + 1).min(STEPS);
            return more;
        }
        self.step = self.step.saturating_sub(1);
        if self.step == 0 {
            self.why = None;
        }
        false
    }

    /// How many times slices are halved.
    pub(super) fn step(&self) -> u32 {
        self.step
    }

    /// How long it rests after a slice that took so long.
    pub(super) fn rest(&self, slice: Duration) -> Duration {
        (slice * ((1 << self.step) - 1)).min(REST)
    }

    /// Why it yields, as long as it does.
    pub(super) fn why(&self) -> Option<&'static str> {
        self.why
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Duration = Duration::from_millis(200);

    fn seen(behind: f64, lately: u64) -> Seen {
        let appends = (Duration::from_millis(lately), Duration::from_millis(8));
        Seen {
            behind: Some(behind),
            appends: Some(appends),
        }
    }

    #[test]
    fn it_rests_longer_and_longer_up_to_a_bound_and_recovers() {
        let mut governor = Governor::default();
        assert!(!governor.saw(seen(1.9, 10)));
        assert_eq!(governor.rest(SLICE), Duration::ZERO);
        let mut rests = Vec::new();
        for _ in 0..5 {
            assert!(governor.saw(seen(2.1, 10)));
            rests.push(governor.rest(SLICE).as_millis());
        }
        assert_eq!(rests, [200, 600, 1_400, 3_000, 5_000]);
        assert!(!governor.saw(seen(60.0, 10)));
        assert_eq!(governor.step(), 5);
        assert_eq!(
            governor.why(),
            Some("it yields: the live read model is behind")
        );
        for _ in 0..5 {
            assert!(governor.why().is_some());
            governor.saw(seen(0.1, 10));
        }
        assert_eq!(governor.rest(SLICE), Duration::ZERO);
        assert_eq!(governor.why(), None);
    }

    #[test]
    fn appends_are_slow_by_their_own_measure_and_by_a_persons() {
        let mut governor = Governor::default();
        // Five times as long, and nobody notices; noticed, and not five times as long.
        assert!(!governor.saw(seen(0.0, 49)));
        let slow_disk = (Duration::from_millis(300), Duration::from_millis(100));
        assert!(!governor.saw(Seen {
            behind: None,
            appends: Some(slow_disk)
        }));
        assert!(governor.saw(seen(0.0, 51)));
        assert_eq!(governor.why(), Some("it yields: appends take long"));
        // Nothing is appended and nothing runs: there is nobody to yield to.
        assert!(!governor.saw(Seen::default()));
        assert_eq!(governor.why(), None);
    }
}
