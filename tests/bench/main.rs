//! `cargo xtask bench`: the product beside its peers, in one run on one machine.
//!
//! Every figure is a ratio to something that was measured in the same minutes, in alternating rounds; every bench ends by checking
//! what it wrote. `xtask` starts the Postgres (its `fdatasync` slowed to a known time) and names it in [`lab::POSTGRES`].
//!
//! # Adding a bench
//! A file of its own with `run(&Lab) -> Result<Vec<Row>>`, a line in [`BENCHES`] and one in `measure`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "counts and times of a bench are far from where that matters"
)]

mod append;
mod console_e2e;
mod contenders;
mod diff;
mod events;
mod fanout;
mod import;
mod lab;
mod lag_sampling;
mod no_loss;
mod pace;
mod page_read;
mod peers;
mod probe;
mod process;
mod read_model_latency;
mod reasons;
mod rebuild;
mod report;
mod server;
mod stage;
mod totals;
mod wake;
mod weight;
mod writers;

use anyhow::{Result, bail};
use clap::Parser;

use crate::lab::Lab;
use crate::report::Row;

/// What can be measured, in this order.
const BENCHES: [&str; 13] = [
    "weight",
    "append",
    "no_loss",
    "import",
    "page_read",
    "wake",
    "fanout",
    "console_e2e",
    "stage",
    "rebuild",
    "read_model_latency",
    "diff",
    "lag_sampling",
];

/// What `cargo xtask bench` passes on.
#[derive(Debug, Parser)]
struct Arguments {
    /// Repeats more and measures with more events
    #[arg(long)]
    long: bool,
    /// Only these, by name
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// What Cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(unknown) = arguments
        .only
        .iter()
        .find(|name| !BENCHES.contains(&name.as_str()))
    {
        bail!(
            "there is no bench {unknown}; there are {}",
            BENCHES.join(", ")
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(all(&arguments))
}

async fn all(arguments: &Arguments) -> Result<()> {
    let lab = Lab::open(arguments.long).await?;
    println!("{}", lab.machine);
    let mut rows = Vec::new();
    for name in BENCHES {
        if arguments.only.is_empty() || arguments.only.iter().any(|only| only == name) {
            eprintln!("› {name}");
            match measure(name, &lab).await {
                Ok(measured) => rows.extend(measured),
                Err(error) => rows.push(Row::failed(name, &error)),
            }
        }
    }
    report::print(&rows);
    report::write(&lab, &rows)?;
    if rows.iter().any(Row::is_wrong) {
        bail!("a bench did not end as it should");
    }
    Ok(())
}

async fn measure(name: &'static str, lab: &Lab) -> Result<Vec<Row>> {
    match name {
        "weight" => weight::run(),
        "append" => append::run(lab).await,
        "import" => import::run(lab).await,
        "page_read" => page_read::run(lab).await,
        "no_loss" => no_loss::run(lab).await,
        "fanout" => fanout::run(lab).await,
        "console_e2e" => console_e2e::run(lab).await,
        "stage" => stage::run(lab).await,
        "wake" => wake::run(lab).await,
        "rebuild" => rebuild::run(lab).await,
        "read_model_latency" => read_model_latency::run(lab).await,
        "diff" => diff::run(lab).await,
        "lag_sampling" => lag_sampling::run(lab).await,
        other => bail!("no bench {other}"),
    }
}
