//! `highwater check`.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use highwater_model::{CheckReport, StateDefinition};

use super::check_state;
use super::client::{ServerArgs, expect_success};
use super::output::{for_people, json, line};

/// `highwater check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The definition: of a read model, whose name the file's is (`customer_totals.sql`), or of a state
    file: PathBuf,
    /// On so many stored events, 1 to 10,000
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    events: u32,
    /// What the random sizes of slices follow from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    server: ServerArgs,
}

/// Tries a definition on stored events; fails when its result depends on slicing.
pub async fn run(args: CheckArgs) -> anyhow::Result<()> {
    let file = args.file.display();
    let name = args
        .file
        .file_stem()
        .and_then(|name| name.to_str())
        .ok_or_else(|| anyhow!("{file} has no name that a read model could have"))?;
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("can't read {file}"))?;
    if StateDefinition::is_one(&text) {
        return check_state::run(&file.to_string(), &text, &args.server).await;
    }
    let mut url = args.server.call(&["api", "read-models", name, "check"])?;
    url.query_pairs_mut()
        .append_pair("events", &args.events.to_string())
        .append_pair("seed", &args.seed.to_string());
    let asked = args.server.client()?.post(url).body(text).send().await;
    let response = asked.map_err(|error| args.server.unreachable(&error))?;
    let report: CheckReport = expect_success(response)
        .await
        .with_context(|| file.to_string())?
        .json()
        .await?;
    if !for_people() {
        json(&report)?;
    } else if report.differences.is_empty() {
        line(&format!(
            "{file}: the rows are the same in slices of one event, of random sizes, and in one slice ({} events, up to position {})",
            report.events, report.upto
        ))?;
    }
    if report.events == 0 {
        bail!("{file}: the log holds no event that it handles, so nothing was tried");
    }
    if report.differences.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = report
        .differences
        .iter()
        .map(|found| {
            format!(
                "{}: {} rows are only there in {}, {} only in one slice; one of them: {}",
                found.table,
                found.here,
                found.slicing,
                found.there,
                found.example.as_deref().unwrap_or("none")
            )
        })
        .collect();
    bail!(
        "{file}: the rows depend on how the log is sliced (seed {})\n  {}",
        report.seed,
        told.join("\n  ")
    );
}
