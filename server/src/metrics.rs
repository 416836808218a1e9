//! What is counted and measured on the way, for Prometheus: what each is, and the buckets of those that are measured. What is so at the
//! moment of a scrape is said by `exposition`.
//!
//! # Adding one
//! Count where it happens (`metrics::counter!("highwater_…_total")`), and say here what it is: a test refuses what has no help.

use std::sync::OnceLock;
use std::time::Duration;

use highwater_store::Tasks;
use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval};

use crate::live;

/// How often what was measured is put into its buckets: until then each measurement is kept, and nobody may ever ask.
const UPKEEP: Duration = Duration::from_secs(5);

const COUNTERS: [(&str, &str); 12] = [
    (
        "highwater_events_appended_total",
        "Events that this server has recorded.",
    ),
    (
        "highwater_appends_refused_total",
        "Appends that this server did not take for there were too many, by reason.",
    ),
    (
        "highwater_feed_events_total",
        "Events that this server has read from the log as they came.",
    ),
    (
        "highwater_feed_holes_total",
        "Times that the log did not go on at the next position; the feed stands still then.",
    ),
    (
        "highwater_live_gaps_total",
        "Gaps that live readers were told of because they were too slow.",
    ),
    (
        "highwater_live_dropped_positions_total",
        "Positions in those gaps.",
    ),
    (
        "highwater_live_refused_total",
        "WebSockets that were not opened because there were too many.",
    ),
    (
        "highwater_requests_limited_total",
        "Requests that were refused because somebody sent too many, by what they were counted.",
    ),
    (
        "highwater_connections_refused_total",
        "Connections that found no place, in all or of their address.",
    ),
    (
        "highwater_connections_ended_total",
        "Connections that were ended because a request's head did not come or an answer was not taken.",
    ),
    (
        "highwater_logins_total",
        "Attempts to log in, by what came of them.",
    ),
    (
        "highwater_read_model_events_total",
        "Events that this server has handled, by read model.",
    ),
];

/// From their first scrape on, at zero: `rate` does not see the step from nothing to one.
const AT_ZERO: [&str; 6] = [
    "highwater_events_appended_total",
    "highwater_feed_events_total",
    "highwater_feed_holes_total",
    "highwater_live_gaps_total",
    "highwater_live_dropped_positions_total",
    "highwater_live_refused_total",
];

/// Something that is measured.
struct Measured {
    name: &'static str,
    unit: Unit,
    help: &'static str,
    /// Where its buckets end.
    buckets: &'static [f64],
    /// It has no labels, so it can be shown before anything was measured.
    is_one: bool,
}

/// A commit takes a millisecond on a good disk and some ten on a bad one.
const APPEND: [f64; 15] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Few: there is a set of them for each read model …
const SLICE: [f64; 6] = [0.01, 0.05, 0.25, 1.0, 5.0, 30.0];
/// … and for each route.
const REQUEST: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 2.5, 10.0];
/// A batch has 1,000 events, unless one append has more.
const BATCH: [f64; 11] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 10_000.0,
];

const MEASURED: [Measured; 5] = [
    Measured {
        name: "highwater_append_seconds",
        unit: Unit::Seconds,
        help: "Seconds from when an append was handed in until it was recorded and answered.",
        buckets: &APPEND,
        is_one: true,
    },
    Measured {
        name: "highwater_append_batch_seconds",
        unit: Unit::Seconds,
        help: "Seconds that a batch of appends took in the database.",
        buckets: &APPEND,
        is_one: true,
    },
    Measured {
        name: "highwater_append_batch_events",
        unit: Unit::Count,
        help: "Events of a batch of appends.",
        buckets: &BATCH,
        is_one: true,
    },
    Measured {
        name: "highwater_read_model_slice_seconds",
        unit: Unit::Seconds,
        help: "Seconds that a slice took, by read model.",
        buckets: &SLICE,
        is_one: false,
    },
    Measured {
        name: "highwater_http_request_seconds",
        unit: Unit::Seconds,
        help: "Seconds until the answer to a request began, by method, route and class of status.",
        buckets: &REQUEST,
        is_one: false,
    },
];

/// As [`install`]; and puts what was measured into its buckets for as long as the server runs.
pub fn start(tasks: &Tasks) -> PrometheusHandle {
    let handle = install();
    let (recorder, stop) = (handle.clone(), tasks.token());
    tasks.spawn("metrics", async move {
        let mut tick = interval(UPKEEP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => recorder.run_upkeep(),
            }
        }
    });
    handle
}

/// Installs the recorder once a process, and gives the handle that renders it.
pub fn install() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = with_buckets().unwrap_or_else(|error| {
                tracing::warn!(%error, "what is measured has no buckets");
                PrometheusBuilder::new()
            });
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; GET /metrics stays empty");
            }
            describe();
            handle
        })
        .clone()
}

fn with_buckets() -> Result<PrometheusBuilder, BuildError> {
    MEASURED
        .iter()
        .try_fold(PrometheusBuilder::new(), |builder, measured| {
            let matcher = Matcher::Full(measured.name.to_owned());
            builder.set_buckets_for_metric(matcher, measured.buckets)
        })
}

fn describe() {
    for (name, help) in COUNTERS {
        metrics::describe_counter!(name, Unit::Count, help);
    }
    for name in AT_ZERO {
        metrics::counter!(name).increment(0);
    }
    for reason in ["overloaded", "too_old"] {
        metrics::counter!("highwater_appends_refused_total", "reason" => reason).increment(0);
    }
    for by in ["address", "name"] {
        metrics::counter!("highwater_requests_limited_total", "by" => by).increment(0);
    }
    for reason in ["all", "address"] {
        metrics::counter!("highwater_connections_refused_total", "reason" => reason).increment(0);
    }
    for reason in ["head", "idle", "stuck"] {
        metrics::counter!("highwater_connections_ended_total", "reason" => reason).increment(0);
    }
    for outcome in ["done", "refused", "slowed"] {
        metrics::counter!("highwater_logins_total", "outcome" => outcome).increment(0);
    }
    for Measured {
        name,
        unit,
        help,
        is_one,
        ..
    } in MEASURED
    {
        metrics::describe_histogram!(name, unit, help);
        if is_one {
            drop(metrics::histogram!(name));
        }
    }
    metrics::describe_gauge!(
        "highwater_live_connections",
        Unit::Count,
        "WebSockets that are open."
    );
    metrics::gauge!("highwater_live_connections").increment(0.0);
    metrics::describe_gauge!(
        "highwater_connections",
        Unit::Count,
        "Connections that are open, WebSockets among them."
    );
    metrics::gauge!("highwater_connections").increment(0.0);
    live::describe_readers();
}
