//! `highwater demo`: the shop as services, each a process of its own, or all of them in one.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use highwater_demo::services::client::Client;
use highwater_demo::services::customers::Customers;
use highwater_demo::services::lead::Leader;
use highwater_demo::services::runner::Options;
use highwater_demo::services::{Part, run as run_parts};
use highwater_model::demo::{Traffic, TrafficPattern};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::ServerArgs;
use crate::log;
use crate::serve::told_to_stop;

/// All of them, in one process.
const ALL: &str = "all";

/// What can be run, with what it does.
fn which() -> PossibleValuesParser {
    let parts = Part::ALL
        .into_iter()
        .map(|part| PossibleValue::new(part.name()).help(part.does()));
    let all = PossibleValue::new(ALL).help("All of them, in one process");
    PossibleValuesParser::new(parts.chain([all]))
}

/// `highwater demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which service
    #[arg(value_parser = which())]
    which: String,
    /// So many times faster than usual
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
    /// Orders that customers place in a second
    #[arg(long, value_name = "ORDERS", default_value_t = 2.0)]
    rate: f64,
    /// The number that the orders follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// After so many orders customers have what they want; never unless given
    #[arg(long, value_name = "ORDERS")]
    orders: Option<u64>,
    /// Seconds that an order waits for its payment, its goods or its parcel before it is cancelled; as the speed makes sense unless given
    #[arg(long, value_name = "SECONDS")]
    patience: Option<f64>,
    /// Seconds after which others get what a killed service had; as the speed makes sense unless given
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(1..=3_600))]
    acknowledge_within: Option<i32>,
    /// Takes orders by lines of JSON on standard input, and ends with it: how whoever runs it leads it
    #[arg(long, hide = true)]
    led: bool,
    /// What to log: error, warn, info, debug
    #[arg(long, default_value = "info")]
    log: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// How long an order waits at the usual speed: three times what its slowest step takes, and time to start a service again.
const PATIENCE_S: f64 = 60.0;

/// Runs until it is told to stop.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    for (name, given) in [("--speed", args.speed), ("--rate", args.rate)] {
        anyhow::ensure!(
            given.is_finite() && (0.01..=1_000.0).contains(&given),
            "{name} is {given}; give a number from 0.01 to 1000"
        );
    }
    // Not faster than services come back that were killed.
    let patience = args.patience.unwrap_or(PATIENCE_S / args.speed.min(1.0));
    anyhow::ensure!(
        patience.is_finite() && (0.1..=86_400.0).contains(&patience),
        "--patience is {patience}; give seconds from 0.1 to 86400"
    );
    log::start(&args.log, false, None);
    let stop = CancellationToken::new();
    let mut signals = JoinSet::new();
    let told = stop.clone();
    signals.spawn(async move {
        match told_to_stop().await {
            Ok(signal) => tracing::info!(signal, "stopping"),
            Err(error) => tracing::error!(%error, "signals can't be heard; stopping"),
        }
        told.cancel();
    });
    let http = args.server.client()?;
    let client = Client::new(http, args.server.url.clone(), stop.clone());
    let options = Options {
        speed: args.speed,
        acknowledge_within_s: args.acknowledge_within,
        patience: Duration::from_secs_f64(patience),
    };
    let (leader, led) = Leader::new(Traffic {
        // Who leads it says how many before anybody orders.
        orders_per_second: if args.led { 0.0 } else { args.rate },
        pattern: TrafficPattern::Steady,
    });
    if args.led {
        let stop = stop.clone();
        // Not a task: nothing can end the reading of a line, and a runtime waits for its own threads.
        std::thread::spawn(move || hear(&leader, &stop));
    }
    let customers = Customers {
        seed: args.seed,
        orders: args.orders,
    };
    // Clap took no other name.
    let parts = Part::named(&args.which).map_or_else(|| Part::ALL.to_vec(), |part| vec![part]);
    Ok(run_parts(&parts, Arc::new(client), &options, customers, &led, &stop).await?)
}

/// Hears orders until there are no more.
fn hear(leader: &Leader, stop: &CancellationToken) {
    for line in std::io::stdin().lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str(&line) {
            Ok(lead) => leader.tell(lead),
            Err(error) => tracing::error!(%error, line, "this order makes no sense"),
        }
    }
    stop.cancel();
}
