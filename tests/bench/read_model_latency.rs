//! `read_model_latency`: from the call of an append to its row in a live read model, as another session sees it, and by `?wait=`.

use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use highwater_engine::{ReadModelOptions, ReadModels};
use highwater_store::Tasks;
use serde_json::json;

use crate::contenders;
use crate::import::ours;
use crate::lab::Lab;
use crate::pace::{self, Start};
use crate::probe::Probe;
use crate::report::{Row, short};
use crate::totals;

/// Events a second beside those that are looked for.
const RATES: [u32; 2] = [100, 2_000];
const NAME: &str = "totals";

/// One session that looks for rows again and again, and one that waits for positions, at each rate.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let time = Duration::from_secs(if lab.long { 30 } else { 8 });
    let mut contender = contenders::store(&lab.postgres).await?;
    let store = ours(&contender)?.clone();
    let tasks = Tasks::new();
    let engine = ReadModels::start(store.clone(), &tasks, ReadModelOptions::default());
    let insert = format!(
        "insert into totals select coalesce(data->>'account', data->>'customer'), count(*), 0 from events group by 1 {}",
        totals::ADD
    );
    let text = totals::definition("*", "slice", &insert);
    engine.put(NAME, &text, &totals::order()).await?;
    // It is live before anything is measured.
    let mut looking = Probe::new(&store, &contender.url, "totals.totals", "looking").await?;
    let mut waiting = Probe::new(&store, &contender.url, "totals.totals", "waiting").await?;
    looking.measure().await?;
    waiting.measure().await?;
    contender.appended += 2;
    let mut rows = Vec::new();
    let mut unseen = 0;
    for rate in RATES {
        eprintln!("  {rate} events/s for {} s", time.as_secs());
        lab.postgres.settle().await?;
        let until = Instant::now() + time;
        let look = async {
            let mut latency = Histogram::<u64>::new(3)?;
            while Instant::now() < until {
                latency.record(looking.measure().await?.as_micros() as u64)?;
            }
            anyhow::Ok(latency)
        };
        let wait = async {
            let mut latency = Histogram::<u64>::new(3)?;
            while Instant::now() < until {
                let began = Instant::now();
                let position = waiting.append().await?;
                let found = engine
                    .wait_until_handled(NAME, position, Duration::from_secs(10))
                    .await?;
                latency.record(began.elapsed().as_micros() as u64)?;
                // What is said to be handled can be read.
                if !found.handled || !waiting.is_seen().await? {
                    unseen += 1;
                }
            }
            anyhow::Ok(latency)
        };
        let name = format!("r{rate}");
        let load = pace::append(&contender.target, Start::now(), &name, rate, time);
        let (looked, waited, appended) = tokio::try_join!(look, wait, load)?;
        contender.appended += appended + looked.len() + waited.len();
        for (how, latency) in [
            ("another session sees the row", looked),
            ("?wait= answers", waited),
        ] {
            let ms = |quantile| latency.value_at_quantile(quantile) as f64 / 1_000.0;
            rows.push(
                Row::new(
                    "read_model_latency",
                    format!("{rate} events/s, {how}"),
                    format!("p50 {} p99 {} ms", short(ms(0.5)), short(ms(0.99))),
                )
                .rounds(json!({ "p50_ms": ms(0.5), "p99_ms": ms(0.99), "max_ms": ms(1.0), "samples": latency.len() })),
            );
        }
    }
    tasks.shutdown().await;
    let unseen = (unseen > 0).then(|| format!("{unseen} rows were not there that were waited for"));
    let wrong = contender.check().await?.or(unseen);
    contender.close().await;
    if let Some(first) = rows.first_mut() {
        *first = std::mem::take(first).wrong(wrong);
    }
    Ok(rows)
}
