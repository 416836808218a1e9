//! `diff`: a shadow against its live read model, every hundredth row of which is otherwise, while the live one goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use highwater_engine::{ReadModelOptions, ReadModels};
use highwater_model::DiffKind;
use highwater_store::Tasks;
use serde_json::json;

use crate::contenders;
use crate::import::ours;
use crate::lab::Lab;
use crate::probe::Probe;
use crate::report::{Goal, Row, short};
use crate::totals::{self, median};

/// Seconds.
const GOAL: f64 = 5.0;
/// How long the live one is watched without a diff.
const QUIET: Duration = Duration::from_secs(4);
/// Rows of the first page.
const PAGE: i64 = 100;
const NAME: &str = "totals";

/// The whole diff, then its first page; rows of the live one are looked for all the time.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let (rows, rounds) = if lab.long {
        (1_000_000, 5)
    } else {
        (1_000_000, 3)
    };
    let mut contender = contenders::store(&lab.postgres).await?;
    let store = ours(&contender)?.clone();
    eprintln!("  filling a log of {rows} events, and a read model with a row each");
    totals::fill(&store, rows, rows).await?;
    let tasks = Tasks::new();
    let engine = ReadModels::start(store.clone(), &tasks, ReadModelOptions::default());
    let right = totals::of_slices("*", "(data->>'cents')::bigint");
    let wrong =
        "(data->>'cents')::bigint + case when data->>'account' like '%00' then 1 else 0 end";
    engine
        .put(NAME, &totals::of_slices("*", wrong), &totals::order())
        .await?;
    totals::caught_up(&store, &engine, NAME).await?;
    engine.put(NAME, &right, &totals::order()).await?;
    let job_id = engine.rebuild(NAME, &totals::order(), &json!({})).await?;
    totals::done(&store, job_id).await?;

    let mut probe = Probe::new(&store, &contender.url, "totals.totals", "looking").await?;
    let mut seconds = Vec::new();
    let mut pages = Vec::new();
    let mut found_wrong = None;
    let [mut quiet, mut during] = [Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?];
    contender.appended =
        rows + look(&mut probe, &mut quiet, &AtomicBool::new(false), QUIET).await?;
    for round in 1..=rounds {
        eprintln!("  round {round} of {rounds}");
        lab.postgres.settle().await?;
        let over = AtomicBool::new(false);
        let comparing = async {
            let began = Instant::now();
            let diff = engine.diff(NAME).await?;
            let took = began.elapsed().as_secs_f64();
            let page = engine
                .diff_rows(NAME, NAME, DiffKind::Changed, None, PAGE)
                .await;
            over.store(true, Ordering::Relaxed);
            anyhow::Ok((diff, took, page?, began.elapsed().as_secs_f64() - took))
        };
        let looking = look(&mut probe, &mut during, &over, Duration::from_mins(10));
        let ((diff, took, page, page_took), looked) = tokio::try_join!(comparing, looking)?;
        contender.appended += looked;
        seconds.push(took);
        pages.push(page_took);
        let Some(table) = diff.tables.first() else {
            bail!("a diff without tables")
        };
        let found = (table.added, table.removed, table.changed, page.rows.len());
        let expected = (0, 0, rows as i64 / 100, PAGE as usize);
        if found != expected {
            found_wrong = Some(format!(
                "added, removed, changed and rows of the page are {found:?}, not {expected:?}"
            ));
        }
    }
    tasks.shutdown().await;
    let found_wrong = found_wrong.or(contender.check().await?);
    contender.close().await;
    let text = |of: &Histogram<u64>| {
        let ms = |quantile| short(of.value_at_quantile(quantile) as f64 / 1_000.0);
        format!("p50 {} p99 {} max {} ms", ms(0.5), ms(0.99), ms(1.0))
    };
    Ok(vec![
        Row::new(
            "diff",
            format!("{rows} rows, {} of them changed", rows / 100),
            format!("{} s", short(median(&seconds))),
        )
        .goal(median(&seconds), Goal::AtMost(GOAL))
        .rounds(json!({ "seconds": seconds }))
        .wrong(found_wrong),
        Row::new(
            "diff",
            format!("the first {PAGE} changed rows"),
            format!("{} s", short(median(&pages))),
        )
        .rounds(json!({ "seconds": pages })),
        Row::new("diff", "append → live row meanwhile", text(&during))
            .against(format!("without {}", text(&quiet)))
            .rounds(json!({ "samples": during.len() })),
    ])
}

/// Looks for rows until it is over; answers how many events that were.
async fn look(
    probe: &mut Probe,
    latency: &mut Histogram<u64>,
    over: &AtomicBool,
    most: Duration,
) -> Result<u64> {
    let began = Instant::now();
    let mut events = 0;
    while !over.load(Ordering::Relaxed) && began.elapsed() < most {
        latency.record(probe.measure().await?.as_micros() as u64)?;
        events += 1;
    }
    Ok(events)
}
