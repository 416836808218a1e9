//! What the program says of itself, on standard error.

use std::io::{IsTerminal, stderr};

use highwater_model::TRACES;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, registry};

use crate::traces::Traces;

/// Starts to log: these levels, as JSON or for people; and to take spans, where there is somewhere to send them.
pub(crate) fn start(levels: &str, json: bool, traces: Option<&Traces>) {
    let (levels, colours) = (filter(levels), stderr().is_terminal());
    // Each fails only when a log is installed already, and then that one is used.
    let Some(traces) = traces else {
        let log = fmt()
            .with_env_filter(levels)
            .with_writer(stderr)
            .with_ansi(colours);
        let _: Result<_, _> = if json {
            log.json().try_init()
        } else {
            log.try_init()
        };
        return;
    };
    let log = fmt::layer::<Registry>()
        .with_writer(stderr)
        .with_ansi(colours);
    let log: Box<dyn Layer<Registry> + Send + Sync> = if json {
        log.json().with_filter(levels).boxed()
    } else {
        log.with_filter(levels).boxed()
    };
    let _: Result<_, _> = registry().with(vec![log, traces.layer()]).try_init();
}

/// What the log takes: never the spans of traces.
fn filter(levels: &str) -> EnvFilter {
    // As it is without any level.
    let levels = if levels.is_empty() { "error" } else { levels };
    EnvFilter::try_new(format!("{levels},{TRACES}=off"))
        .unwrap_or_else(|_| EnvFilter::new(format!("info,{TRACES}=off")))
}
