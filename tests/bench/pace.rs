//! Appending at a rate, with the time of the call in each event, so that a reader can tell how long it took.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::events::{Event, Events};
use crate::writers::{Target, Writer};

const WRITERS: u32 = 32;
/// How the database writes the time of the call into an event's data; the shortest key comes first.
const KEY: &[u8] = b"\"at\": ";

/// A clock that a browser has, too, and that never goes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    began: Instant,
    epoch: Duration,
}

impl Start {
    /// Now.
    pub(crate) fn now() -> Self {
        Self {
            began: Instant::now(),
            epoch: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// Microseconds since 1970.
    pub(crate) fn micros(self) -> u64 {
        (self.epoch + self.began.elapsed()).as_micros() as u64
    }
}

/// The times in encoded events, whatever is around them.
pub(crate) fn times_in(text: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let found = rest.windows(KEY.len()).position(|window| window == KEY)?;
        rest = &rest[found + KEY.len()..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    })
}

/// How many events that will be.
pub(crate) fn count(per_second: u32, time: Duration) -> u64 {
    let writers = u64::from(WRITERS);
    u64::from(per_second) * time.as_millis() as u64 / 1_000 / writers * writers
}

/// Appends for a time, so many events a second, spread evenly over writers that each wait for their answer;
/// answers how many.
pub(crate) async fn append(
    target: &Target,
    start: Start,
    name: &str,
    per_second: u32,
    time: Duration,
) -> Result<u64> {
    let each = Duration::from_secs(1) * WRITERS / per_second;
    let count = count(per_second, time) / u64::from(WRITERS);
    let mut running = JoinSet::new();
    for number in 0..WRITERS {
        let mut writer = Writer::new(target, WRITERS as usize).await?;
        let mut events = Events::new("order", format_args!("{name}w{number}"));
        let first = tokio::time::Instant::now() + each * number / WRITERS;
        running.spawn(async move {
            let mut pace = interval_at(first, each);
            // Late ones are sent at once, none is left out.
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for _ in 0..count {
                pace.tick().await;
                writer.append(timed(events.next(), start)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(count * u64::from(WRITERS))
}

fn timed(event: Event, start: Start) -> Event {
    let rest = event.data.trim_start_matches('{');
    Event {
        data: format!(r#"{{"at": {}, {rest}"#, start.micros()),
        ..event
    }
}
