//! `cargo xtask …`: the commands of someone who works on Highwater. Each says what it does and, where it can't, what to do by hand.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod api_check;
mod bench;
mod check;
mod fuzz;
mod leave_out;
mod setup;
mod site;
mod soak;
mod step;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Builds, runs, checks and tests Highwater.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Sets up what is missing, builds both sides, and starts the server with demo traffic
    Run {
        /// Builds optimised
        #[arg(long)]
        release: bool,
        /// Given to `highwater serve` instead of `--demo`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Runs every test: Rust on a throw-away Postgres, the API against its description, the browser's
    Test {
        /// Leaves all but the Rust tests out
        #[arg(long)]
        no_browser: bool,
    },
    /// Formats, lints and documents without changing anything; warnings are errors
    Check {
        /// Looks at the format alone
        #[arg(long)]
        format_only: bool,
    },
    /// Measures the product beside its peers; prints a table and writes `bench.json`
    Bench {
        /// Repeats more, with more events and a slower disk too
        #[arg(long)]
        long: bool,
        /// Only these, by name
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Loads the server for an hour, or with ten times of that for minutes; fails where something is lost or does not stay flat
    Soak(soak::Soak),
    /// Hands whatever is read from others what libFuzzer makes up
    Fuzz {
        /// One target; all of them, one after the other, unless given
        target: Option<String>,
        /// So long each
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Builds the console and the server
    Build {
        /// Builds optimised: one file to copy, `target/release/highwater`
        #[arg(long)]
        release: bool,
    },
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Without the trace of calls that Debug adds: the step and its output tell more.
        Err(error) => {
            step::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    // All paths are relative to the checkout, wherever the command was given.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    match Task::parse() {
        Task::Run { release, arguments } => {
            let program = build(release)?;
            let arguments = if arguments.is_empty() {
                vec!["--demo".to_owned()]
            } else {
                arguments
            };
            step::say(&format!("starting highwater serve {}", arguments.join(" ")));
            step::run(step::command(&program).arg("serve").args(arguments))
        }
        Task::Test { no_browser } => test::test(!no_browser),
        Task::Check { format_only } => check::check(format_only),
        Task::Bench { long, only } => bench::bench(long, &only),
        Task::Fuzz { target, seconds } => fuzz::fuzz(target.as_deref(), seconds),
        Task::Soak(soak) => soak::soak(&soak),
        Task::Build { release } => {
            let program = build(release)?;
            step::say(&format!("built {}", program.display()));
            Ok(())
        }
    }
}

/// Both sides; the console first, because the server embeds it.
fn build(release: bool) -> Result<std::path::PathBuf> {
    setup::wasm_target()?;
    site::build(release)?;
    step::say("building the server");
    let mut cargo = step::command("cargo");
    cargo.args(["build", "-p", "highwater"]);
    if release {
        cargo.arg("--release");
    }
    step::run(&mut cargo)?;
    Ok(step::target()
        .join(if release { "release" } else { "debug" })
        .join("highwater"))
}
