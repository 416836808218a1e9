//! `page_read`: pages of 1,000 events through the store, beside the bare index scan that any reader pays.

use std::time::Instant;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use highwater_model::Position;
use highwater_store::LogQuery;
use serde_json::json;
use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use crate::contenders;
use crate::import::{lines, ours};
use crate::lab::Lab;
use crate::report::{Goal, Row, short};

const PAGE: usize = 1_000;
const GOAL: f64 = 1.3;

/// A row of the log as it lies there.
pub(crate) type RawRow = (
    i64,
    i64,
    i64,
    Uuid,
    i32,
    Json<Box<RawValue>>,
    Json<Box<RawValue>>,
    jiff_sqlx::Timestamp,
    jiff_sqlx::Timestamp,
);

/// Pages from places all over the log; the three ways take turns page by page.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let (count, pages) = if lab.long {
        (1_000_000, 3_000)
    } else {
        (200_000, 1_000)
    };
    let mut contender = contenders::store(&lab.postgres).await?;
    eprintln!("  filling a log of {count} events");
    for chunk in lines(count)?.chunks(PAGE) {
        ours(&contender)?.import(chunk.to_vec()).await?;
    }
    contender.appended = count as u64;
    lab.postgres.settle().await?;
    sqlx::query("vacuum analyze highwater.events")
        .execute(&contender.pool)
        .await?;
    eprintln!("  reading {pages} pages, three ways");
    let store = ours(&contender)?;
    let mut micros = [(); 3].map(|()| Histogram::<u64>::new_with_max(60_000_000, 3));
    let [page, tail, raw] = &mut micros;
    let (page, tail, raw) = (page.as_mut(), tail.as_mut(), raw.as_mut());
    let (Ok(page), Ok(tail), Ok(raw)) = (page, tail, raw) else {
        bail!("no histogram")
    };
    for number in 0..pages {
        let after = Position((number as u64 * 7_919_531 % (count - PAGE) as u64) as i64);
        let started = Instant::now();
        let query = LogQuery {
            after: Some(after),
            limit: PAGE,
            ..LogQuery::default()
        };
        let read = store.read_log(query).await?.events.len();
        page.record(started.elapsed().as_micros() as u64)?;

        let started = Instant::now();
        let followed = store.read_tail(after, PAGE).await?.len();
        tail.record(started.elapsed().as_micros() as u64)?;

        let started = Instant::now();
        let rows: Vec<RawRow> = sqlx::query_as(
            "select position, stream_id, version, event_id, type_id, data, metadata, occurred_at, recorded_at
             from highwater.events where position > $1 order by position limit $2",
        )
        .bind(after.0)
        .bind(PAGE as i64)
        .fetch_all(&contender.pool)
        .await?;
        raw.record(started.elapsed().as_micros() as u64)?;
        if [read, followed, rows.len()] != [PAGE; 3] {
            bail!(
                "a page after {after} has {read}, {followed} or {} events",
                rows.len()
            );
        }
    }
    let wrong = contender.check().await?;
    let ms = |of: &Histogram<u64>, quantile| of.value_at_quantile(quantile) as f64 / 1_000.0;
    let text =
        |of: &Histogram<u64>| format!("p50 {} p99 {} ms", short(ms(of, 0.5)), short(ms(of, 0.99)));
    let row = |name: &str, of: &Histogram<u64>| {
        Row::new(
            "page_read",
            format!("{PAGE} of {count} events, {name}"),
            text(of),
        )
        .against(format!("index scan {}", text(raw)))
        .goal(ms(of, 0.5) / ms(raw, 0.5), Goal::AtMost(GOAL))
        .rounds(
            json!({ "p50_ms": ms(of, 0.5), "p99_ms": ms(of, 0.99), "scan_p50_ms": ms(raw, 0.5) }),
        )
    };
    let rows = vec![row("page", page).wrong(wrong), row("tail", tail)];
    contender.close().await;
    Ok(rows)
}
