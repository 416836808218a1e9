//! `stage`: how evenly the Stage moves with the demo shop at 200 events/s, in headless Chromium without a graphics card, its processor slowed down.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::lab::Lab;
use crate::report::{Goal, Row, short};
use crate::server::Program;

const NAME: &str = "stage";
const PER_SECOND: u32 = 200;
/// Orders take up to 20 s; by then as many end as begin.
const WARM_S: u32 = 25;
/// A little less than 60: the first frame and the last are cut.
const FRAMES: f64 = 59.0;

pub(crate) async fn run(lab: &Lab) -> Result<Vec<Row>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../end2end"));
    let browser = std::env::var("CHROMIUM_PATH").unwrap_or_default();
    if !Path::new(&browser).exists() {
        return Ok(vec![Row::missing(NAME, "there is no Chromium")]);
    }
    if !folder.join("node_modules/@playwright").exists() {
        return Ok(vec![Row::missing(NAME, "npm ci has not run in end2end")]);
    }
    let seconds = if lab.long { 30 } else { 10 };
    let mut rows = Vec::new();
    for slower in [1, 4] {
        let database = lab.postgres.database(NAME).await?;
        let demo = format!("--demo={PER_SECOND}");
        let program = Program::start_with(&database, &[&demo])?;
        eprintln!("  {PER_SECOND} events/s for {seconds} s, a processor {slower} times slower");
        let output = Command::new("node")
            .args(["bench/stage.mjs", &format!("http://{}", program.address)])
            .args([WARM_S, seconds, slower].map(|number| number.to_string()))
            .current_dir(folder)
            .stderr(Stdio::inherit())
            .output()
            .context("node does not start")?;
        drop(program);
        let said = String::from_utf8_lossy(&output.stdout);
        let facts: Value = serde_json::from_str(&said).context("the page told nothing")?;
        let number = |key: &str| facts[key].as_f64().unwrap_or(f64::NAN);
        let figure = format!(
            "{:.1}; a frame takes {} ms, p95 {}, p99 {}",
            number("fps"),
            short(number("p50_ms")),
            short(number("p95_ms")),
            short(number("p99_ms"))
        );
        let measured = format!(
            "frames a second, {slower} × slower, {} events/s",
            short(number("events_per_s"))
        );
        rows.push(
            Row::new(NAME, measured, figure)
                .goal(number("fps"), Goal::AtLeast(FRAMES))
                .rounds(facts.clone()),
        );
    }
    Ok(rows)
}
