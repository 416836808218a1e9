//! How long batches of appends take: lately, and when nothing is in their way.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A figure that is older tells nothing.
const FRESH: Duration = Duration::from_secs(5);
/// How much of the figure the newest batch is.
const NEWEST: f64 = 0.2;
/// Seconds in which the calm figure follows what has become slower for good.
const FOLLOWS: f64 = 600.0;

/// How long appends take to be committed, as this process sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AppendLatency {
    /// Lately.
    pub lately: Duration,
    /// When nothing is in their way.
    pub calm: Duration,
    /// Events of a batch, lately.
    pub batch_events: f64,
}

/// A moving figure.
#[derive(Debug, Default)]
pub(crate) struct Moving(Mutex<Option<Figure>>);

#[derive(Debug, Clone, Copy)]
struct Figure {
    at: Instant,
    lately: f64,
    calm: f64,
    events: f64,
}

impl Moving {
    /// A batch was recorded.
    pub(crate) fn add(&self, now: Instant, took: Duration, events: usize) {
        let mut figure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let took = took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "1,000 at most")]
        let events = events as f64;
        *figure = Some(figure.map_or(
            Figure {
                at: now,
                lately: took,
                calm: took,
                events,
            },
            |old| {
                let share = if took < old.calm {
                    NEWEST
                } else {
                    (now.duration_since(old.at).as_secs_f64() / FOLLOWS).min(1.0)
                };
                Figure {
                    at: now,
                    lately: old.lately + (took - old.lately) * NEWEST,
                    calm: old.calm + (took - old.calm) * share,
                    events: old.events + (events - old.events) * NEWEST,
                }
            },
        ));
    }

    /// None: nothing was appended for a while.
    pub(crate) fn get(&self, now: Instant) -> Option<AppendLatency> {
        let figure = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        figure
            .filter(|figure| now.duration_since(figure.at) < FRESH)
            .map(|figure| AppendLatency {
                lately: Duration::from_secs_f64(figure.lately),
                calm: Duration::from_secs_f64(figure.calm),
                batch_events: figure.events,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_slow_for_a_while_is_not_calm_and_old_figures_are_none() {
        let start = Instant::now();
        let moving = Moving::default();
        assert_eq!(moving.get(start), None);
        let mut now = start;
        for took in [2, 2, 2, 100, 100, 100, 100, 100, 100, 100, 100] {
            now += Duration::from_millis(100);
            moving.add(now, Duration::from_millis(took), 10);
        }
        let found = moving.get(now).unwrap();
        assert!(found.lately > Duration::from_millis(50), "{found:?}");
        assert!(found.calm < Duration::from_millis(3), "{found:?}");
        for _ in 0..40 {
            now += Duration::from_millis(100);
            moving.add(now, Duration::from_millis(1), 4);
        }
        let found = moving.get(now).unwrap();
        assert!(found.lately < Duration::from_millis(2), "{found:?}");
        assert!((4.0..4.1).contains(&found.batch_events), "{found:?}");
        assert_eq!(moving.get(now + Duration::from_secs(6)), None);
    }
}
