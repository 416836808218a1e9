//! `import`: a file of events, as fast as COPY would put the same rows into a table of the same shape?

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use highwater_model::{ImportLine, ImportSummary};
use highwater_store::Store;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::contenders::{self, Contender};
use crate::events::Events;
use crate::lab::Lab;
use crate::report::{Goal, Row};
use crate::writers::Target;

/// Lines of one call of the store; the API takes as many.
const CHUNK: usize = 1_000;
/// Of COPY's speed.
const GOAL: f64 = 0.5;

/// Through the store, through the API, and COPY, in turns.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let (count, rounds) = if lab.long {
        (1_000_000, 3)
    } else {
        (100_000, 3)
    };
    let ndjson = ndjson(count);
    let lines = read(&ndjson)?;
    let copy = copy_text(&lines);
    let mut seconds: [Vec<f64>; 3] = Default::default();
    let mut wrong = None;
    for round in 1..=rounds {
        eprintln!("  round {round} of {rounds}, {count} events each");
        let mut store = contenders::store(&lab.postgres).await?;
        let chunks: Vec<Vec<ImportLine>> = lines.chunks(CHUNK).map(<[_]>::to_vec).collect();
        lab.postgres.settle().await?;
        let started = Instant::now();
        for chunk in chunks {
            ours(&store)?.import(chunk).await?;
        }
        seconds[0].push(started.elapsed().as_secs_f64());
        store.appended = count as u64;
        wrong = wrong.or(store.check().await?);

        let mut http = contenders::http(&lab.postgres).await?;
        lab.postgres.settle().await?;
        let started = Instant::now();
        http.appended = through_api(&http, ndjson.clone()).await?;
        seconds[1].push(started.elapsed().as_secs_f64());
        wrong = wrong.or(http.check().await?);
        http.close().await;

        // The same rows into the same shape.
        let mut connection = PgConnection::connect(&store.url).await?;
        connection
            .execute("create table copied (like highwater.events including all)")
            .await?;
        lab.postgres.settle().await?;
        let started = Instant::now();
        let mut into = connection.copy_in_raw("copy copied from stdin").await?;
        into.send(copy.as_slice()).await?;
        let copied = into.finish().await?;
        seconds[2].push(started.elapsed().as_secs_f64());
        if copied != count as u64 {
            bail!("COPY took {copied} of {count} rows");
        }
        store.close().await;
    }
    let speed = |of: &[f64]| {
        let mut sorted = of.to_vec();
        sorted.sort_by(f64::total_cmp);
        count as f64 / sorted[sorted.len() / 2]
    };
    let copy = speed(&seconds[2]);
    let rows = [("store", 0), ("POST /api/import", 1)].map(|(who, at)| {
        Row::new(
            "import",
            format!("{count} events, {who}"),
            format!("{:.0}/s", speed(&seconds[at])),
        )
        .against(format!("COPY {copy:.0}/s"))
        .goal(speed(&seconds[at]) / copy, Goal::AtLeast(GOAL))
        .rounds(json!({ "seconds": seconds[at], "copy_seconds": seconds[2] }))
    });
    let [store, http] = rows;
    Ok(vec![store.wrong(wrong), http])
}

/// The store of a contender that is ours and in process.
pub(crate) fn ours(contender: &Contender) -> Result<&Store> {
    match &contender.target {
        Target::Store(store) => Ok(store),
        _ => bail!("{} is no store", contender.name),
    }
}

/// Lines to import, as text: streams of ten events, each event with its id.
fn ndjson(count: usize) -> String {
    let mut events = Events::new("order", "i");
    let mut text = String::new();
    for _ in 0..count {
        let event = events.next();
        let _ = writeln!(
            text,
            r#"{{"stream":"{}","type":"{}","id":"{}","data":{}}}"#,
            event.stream, event.kind, event.id, event.data
        );
    }
    text
}

/// The same, read.
pub(crate) fn lines(count: usize) -> Result<Vec<ImportLine>> {
    read(&ndjson(count))
}

fn read(ndjson: &str) -> Result<Vec<ImportLine>> {
    let lines = ndjson.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The rows of `highwater.events` in COPY's text format.
fn copy_text(lines: &[ImportLine]) -> Vec<u8> {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}\t{{}}\t\\N\t\\N\t2026-11-23T12:00:00Z\t2026-11-23T12:00:00Z",
            number + 1,
            number / 10 + 1,
            number % 10,
            line.id.unwrap_or_default(),
            number % 5 + 1,
            line.data.get().replace('\\', "\\\\")
        );
    }
    text.into_bytes()
}

async fn through_api(http: &Contender, body: String) -> Result<u64> {
    let Target::Http(address) = http.target else {
        bail!("{} has no API", http.name)
    };
    highwater::cli::client::install_tls();
    let answer = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(format!("http://{address}/api/import"))
        .body(body)
        .send()
        .await?
        .text()
        .await?;
    let last = answer
        .lines()
        .last()
        .context("the import answered nothing")?;
    let summary: ImportSummary =
        serde_json::from_str(last).with_context(|| format!("the import ended with {last}"))?;
    Ok(summary.imported)
}
