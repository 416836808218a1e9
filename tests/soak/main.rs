//! `cargo xtask soak`: the release build under a steady load for an hour, or under ten times of it for minutes, on a Postgres of its own.
//!
//! Every ten seconds it notes how much memory, time and patience that took; at the end it holds everything against the log and says
//! whether the figures stayed flat. `load` is shared with `tests/no_loss`, which runs it for seconds.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "counts and times of a soak are far from where that matters"
)]

mod load;
mod plot;
mod probe;
mod process;
mod report;
mod samples;
mod verdict;
mod world;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;
use tokio::time::{MissedTickBehavior, interval};

use crate::load::Load;
use crate::load::tally::Tally;
use crate::probe::Probe;
use crate::report::Report;
use crate::samples::Sampler;
use crate::verdict::Verdict;
use crate::world::World;

/// From one sample to the next.
const EVERY: Duration = Duration::from_secs(10);
/// How much more an overload is than the usual.
const OVERLOAD: u32 = 10;
/// How late an append may be sent in an overload: a program that can't keep up leaves out what is older.
const PATIENCE: Duration = Duration::from_secs(1);

/// What `cargo xtask soak` passes on.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// How long [default: 60, or 3 with --overload]
    #[arg(long)]
    minutes: Option<f64>,
    /// Events a second; with --overload ten times of it are offered
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    events_per_s: u32,
    /// Events of one append [default: 1, or 10 with --overload]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10))]
    events_per_append: Option<u32>,
    /// Connections that append [default: 64, or 2400 with --overload]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    connections: Option<u32>,
    /// Readers of the live feed
    #[arg(long, default_value_t = 50)]
    readers: usize,
    /// Read models
    #[arg(long, default_value_t = 20)]
    read_models: usize,
    /// Offers more than the server can take
    #[arg(long)]
    overload: bool,
    /// Given to `highwater serve`, one argument each
    #[arg(long, allow_hyphen_values = true)]
    serve: Vec<String>,
    /// Where `soak.json` and `soak.svg` go
    #[arg(long)]
    folder: PathBuf,
    /// What Cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn load(&self) -> Load {
        // Each connection has one append at a time, and more events have to be on their way than the server lets wait.
        let (minutes, connections, events_per_append, times, patience) = if self.overload {
            (3.0, 2_400, 10, OVERLOAD, Some(PATIENCE))
        } else {
            (60.0, 64, 1, 1, None)
        };
        // Each end of a connection is an open file of its process, and other things are, too.
        let most = process::open_files_limit().saturating_sub(200);
        let connections = self.connections.unwrap_or(connections);
        Load {
            events_per_s: self.events_per_s * times,
            events_per_append: self.events_per_append.unwrap_or(events_per_append),
            connections: connections.min(most),
            readers: self.readers,
            read_models: self.read_models,
            time: Duration::from_secs_f64(self.minutes.unwrap_or(minutes).max(0.1) * 60.0),
            patience,
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.folder)?;
    // Here and not in a task: Postgres ends with the thread that started it.
    let world = World::start(&arguments.folder, &arguments.serve)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(soak(&arguments, &world))
}

async fn soak(arguments: &Arguments, world: &World) -> Result<()> {
    let load = arguments.load();
    let tally = Arc::new(Tally::new()?);
    eprintln!(
        "› {} events/s, {} an append, over {} connections for {:.1} min, {} readers, {} read models",
        load.events_per_s,
        load.events_per_append,
        load.connections,
        load.time.as_secs_f64() / 60.0,
        load.readers,
        load.read_models
    );
    let running = load.begin(world.address, &tally).await?;
    let probe = Probe::start(world.address)?;
    let mut sampler = Sampler::start(world, &tally, &probe)?;
    let written = {
        let mut appending = pin!(running.append());
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one comes at once.
        every.tick().await;
        loop {
            tokio::select! {
                written = &mut appending => break written?,
                _ = every.tick() => eprintln!("  {}", sampler.sample()?),
            }
        }
    };
    let (samples, totals) = sampler.end()?;
    drop(probe);
    eprintln!("› comparing readers and read models with the log");
    let audit = running.end(written, &world.database_url).await?;
    let verdict = if arguments.overload {
        Verdict::of_overload(&samples, &totals)
    } else {
        Verdict::of_soak(&samples, &totals)
    };
    let report = Report {
        load: &load,
        samples: &samples,
        totals: &totals,
        audit: &audit,
        verdict: &verdict,
    };
    report.print();
    report.write(&arguments.folder)?;
    plot::write(&arguments.folder.join("soak.svg"), &samples)?;
    println!(
        "\n{} has the same in numbers, soak.svg beside it shows it.",
        arguments.folder.join("soak.json").display()
    );
    if !audit.wrong.is_empty() {
        bail!(
            "what is there is not what was written: {}",
            audit.wrong.join("; ")
        );
    }
    if !verdict.holds {
        bail!("not all of it stayed as it should");
    }
    Ok(())
}
