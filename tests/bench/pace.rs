//! Appending at a rate, with the time of the call in each event, so that a reader can tell how long it took.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::events::{Event, Events};
use crate::writers::{Target, Writer};

const WRITERS: u32 = 32;
/// How the database writes the time of the call into an event's data.
const KEY: &[u8] = b"\"sent_us\": ";

/// When everything began; times in events count from here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start(Instant);

impl Start {
    /// Now.
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// Microseconds since.
    pub(crate) fn micros(self) -> u64 {
        self.0.elapsed().as_micros() as u64
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

/// Appends for a time, so many events a second, spread evenly over writers that each wait for their answer; answers how many.
pub(crate) async fn append(
    target: &Target,
    start: Start,
    name: &str,
    per_second: u32,
    time: Duration,
) -> Result<u64> {
    let each = Duration::from_secs(1) * WRITERS / per_second;
    let count = (time.as_secs_f64() / each.as_secs_f64()) as u64;
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
        data: format!(r#"{{"sent_us": {}, {rest}"#, start.micros()),
        ..event
    }
}
