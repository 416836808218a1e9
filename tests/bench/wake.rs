//! `wake`: from the call of an append to a reader that has the event in its hands, at 1,000 events/s.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use highwater_engine::{Feed, FeedOptions, RingRead};
use highwater_model::Position;
use highwater_store::{Store, StoreOptions, Tasks};
use serde_json::json;

use crate::contenders;
use crate::import::ours;
use crate::lab::Lab;
use crate::pace::{self, Start};
use crate::report::{Goal, Row, short};

const PER_SECOND: u32 = 1_000;
/// Milliseconds.
const GOAL: f64 = 8.0;

/// A reader in the process that appends, and one in another: that one is woken by the database.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let time = Duration::from_secs(if lab.long { 30 } else { 8 });
    let mut contender = contenders::store(&lab.postgres).await?;
    lab.postgres.settle().await?;
    let tasks = Tasks::new();
    let same = ours(&contender)?.clone();
    // A store of its own knows nothing of the other's appends but what the database says, like one in another process.
    let other = Store::open(&contender.url, StoreOptions::default(), &tasks).await?;
    let mut rows = Vec::new();
    for (short_name, name, store) in [
        ("same", "same process", same),
        ("other", "another process", other),
    ] {
        eprintln!("  {PER_SECOND} events/s for {} s, {name}", time.as_secs());
        let feed = Feed::start(store, &tasks, FeedOptions::default()).await?;
        let start = Start::now();
        let first = feed.head();
        let reading = read(feed, start, first, pace::count(PER_SECOND, time));
        let writing = pace::append(&contender.target, start, short_name, PER_SECOND, time);
        let (latency, written) = tokio::try_join!(reading, writing)?;
        contender.appended += written;
        let ms = |quantile| latency.value_at_quantile(quantile) as f64 / 1_000.0;
        rows.push(
            Row::new(
                "wake",
                format!("append → reader, {PER_SECOND} events/s, {name}"),
                format!("p50 {} p99 {} ms", short(ms(0.5)), short(ms(0.99))),
            )
            .goal(ms(0.99), Goal::AtMost(GOAL))
            .rounds(json!({ "p50_ms": ms(0.5), "p99_ms": ms(0.99), "max_ms": ms(1.0), "events": latency.len() })),
        );
    }
    tasks.shutdown().await;
    let wrong = contender.check().await?;
    contender.close().await;
    if let Some(first) = rows.first_mut() {
        *first = std::mem::take(first).wrong(wrong);
    }
    Ok(rows)
}

async fn read(feed: Feed, start: Start, first: Position, count: u64) -> Result<Histogram<u64>> {
    let mut latency = Histogram::<u64>::new(3)?;
    let mut head = feed.watch();
    let mut at = first;
    while latency.len() < count {
        tokio::time::timeout(Duration::from_secs(10), head.changed())
            .await
            .context("no event for ten seconds")??;
        while let RingRead::Events(events) = feed.read(at, 1_000, 1 << 20) {
            let now = start.micros();
            for event in events {
                if event.event.position != at.next() {
                    bail!("after {at} came {}", event.event.position);
                }
                at = event.event.position;
                for sent in pace::times_in(&event.json) {
                    latency.record(now.saturating_sub(sent))?;
                }
            }
        }
    }
    Ok(latency)
}
