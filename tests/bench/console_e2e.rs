//! `console_e2e`: from the call of an append to a row in the page, in headless Chromium, at 1,000 events/s.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::contenders;
use crate::lab::Lab;
use crate::pace::{self, Start};
use crate::report::{Goal, Row, short};

const NAME: &str = "console_e2e";
const PER_SECOND: u32 = 1_000;
/// Milliseconds, half of the rows and nearly all of them.
const GOALS: [(&str, f64); 2] = [("p50_ms", 25.0), ("p99_ms", 50.0)];
/// A little less than 60: the first frame and the last are cut.
const FRAMES: f64 = 59.0;

/// A browser on the program, with `end2end/bench/console.mjs` in it.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../end2end"));
    let browser = std::env::var("CHROMIUM_PATH").unwrap_or_default();
    if !Path::new(&browser).exists() {
        return Ok(vec![Row::missing(NAME, "there is no Chromium")]);
    }
    if !folder.join("node_modules/@playwright").exists() {
        return Ok(vec![Row::missing(NAME, "npm ci has not run in end2end")]);
    }
    let time = Duration::from_secs(if lab.long { 30 } else { 10 });
    let mut contender = contenders::http(&lab.postgres).await?;
    let address = contender.program().context("no program")?.address;
    let start = Start::now();
    let warm = Duration::from_secs(1);
    contender.appended = pace::append(&contender.target, start, "warm", 100, warm).await?;
    eprintln!("  {PER_SECOND} events/s for {} s, one page", time.as_secs());
    let mut page = Command::new("node")
        .args(["bench/console.mjs", &format!("http://{address}/live")])
        .arg(time.as_secs().to_string())
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .context("node does not start")?;
    let output = page.stdout.take().context("node has no output")?;
    let mut lines = BufReader::new(output).lines();
    let ready = lines.next().context("the page did not open")??;
    anyhow::ensure!(ready == "ready", "the page said {ready}");
    contender.appended += pace::append(&contender.target, start, "c", PER_SECOND, time).await?;
    let said = lines.next().context("the page told nothing")??;
    page.wait()?;
    let facts: Value = serde_json::from_str(&said)?;
    let wrong = contender.check().await?;
    contender.close().await;

    let number = |key: &str| facts[key].as_f64().unwrap_or(f64::NAN);
    let measured = format!("append → row in the page, {PER_SECOND} events/s");
    let mut rows: Vec<Row> = GOALS
        .map(|(key, goal)| {
            let name = key.trim_end_matches("_ms");
            Row::new(
                NAME,
                format!("{measured}, {name}"),
                format!("{} ms of {} rows", short(number(key)), number("rows")),
            )
            .goal(number(key), Goal::AtMost(goal))
            .rounds(facts.clone())
        })
        .into();
    rows.push(
        Row::new(
            NAME,
            "frames a second meanwhile",
            format!("{:.1}", number("fps")),
        )
        .goal(number("fps"), Goal::AtLeast(FRAMES))
        .wrong(wrong)
        .note("only events that reach a row count: the page shows the newest rows, once a frame"),
    );
    Ok(rows)
}
