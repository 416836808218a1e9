//! `cargo xtask soak`: builds the console and runs the soak program (`tests/soak`), which Cargo builds together with the server.

use anyhow::Result;
use clap::Args;

use crate::{setup, site, step};

/// What is passed on; the program knows the rest of the defaults.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How long [default: 60, or 3 with --overload]
    #[arg(long)]
    minutes: Option<f64>,
    /// Events a second; with --overload ten times of it are offered [default: 1000]
    #[arg(long)]
    events_per_s: Option<u32>,
    /// Events of one append, up to 10 [default: 1, or 10 with --overload]
    #[arg(long)]
    events_per_append: Option<u32>,
    /// Connections that append [default: 64, or 2400 with --overload]
    #[arg(long)]
    connections: Option<u32>,
    /// Readers of the live feed [default: 50]
    #[arg(long)]
    readers: Option<usize>,
    /// Read models [default: 20]
    #[arg(long)]
    read_models: Option<usize>,
    /// Offers more than the server can take: what is refused, and does the console stay usable?
    #[arg(long)]
    overload: bool,
    /// On the debug build
    #[arg(long)]
    debug: bool,
    /// Given to `highwater serve`
    #[arg(last = true)]
    serve: Vec<String>,
}

pub(crate) fn soak(soak: &Soak) -> Result<()> {
    setup::wasm_target()?;
    site::build(!soak.debug)?;
    let mut cargo = step::command("cargo");
    cargo.arg("bench");
    if soak.debug {
        cargo.args(["--profile", "dev"]);
    }
    cargo.args(["-p", "highwater", "--bench", "soak", "--"]);
    cargo.arg("--folder").arg(step::target().join("soak"));
    let given = [
        ("--minutes", text(soak.minutes)),
        ("--events-per-s", text(soak.events_per_s)),
        ("--events-per-append", text(soak.events_per_append)),
        ("--connections", text(soak.connections)),
        ("--readers", text(soak.readers)),
        ("--read-models", text(soak.read_models)),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            cargo.args([name, &value]);
        }
    }
    if soak.overload {
        cargo.arg("--overload");
    }
    // One by one, as Cargo adds an argument of its own behind all.
    cargo.args(
        soak.serve
            .iter()
            .map(|argument| format!("--serve={argument}")),
    );
    step::say("cargo bench -p highwater --bench soak");
    step::run(&mut cargo)
}

fn text(given: Option<impl ToString>) -> Option<String> {
    given.map(|given| given.to_string())
}
