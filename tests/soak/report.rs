//! The table on the terminal and `soak.json`.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::load::Load;
use crate::load::audit::Audit;
use crate::samples::{Sample, Totals};
use crate::verdict::Verdict;

/// Lines that the table has at most.
const LINES: usize = 20;
const HEAD: [&str; 13] = [
    "min",
    "events/s",
    "refused/s",
    "append p50",
    "p99",
    "max ms",
    "delivery p50",
    "p99 ms",
    "page p99 ms",
    "lag s",
    "server MB",
    "Postgres MB",
    "files",
];

/// What a run has shown.
pub(crate) struct Report<'a> {
    pub(crate) load: &'a Load,
    pub(crate) samples: &'a [Sample],
    pub(crate) totals: &'a Totals,
    pub(crate) audit: &'a Audit,
    pub(crate) verdict: &'a Verdict,
}

impl Report<'_> {
    /// Prints samples, spread over the run, then the whole, then the verdict.
    pub(crate) fn print(&self) {
        let head = HEAD.map(|name| format!("{name:>12}"));
        println!("\n{}", head.join(" "));
        let every = self.samples.len().div_ceil(LINES).max(1);
        for sample in self.samples.iter().skip(every - 1).step_by(every) {
            println!("{}", cells(sample).join(" "));
        }
        let (totals, audit) = (self.totals, self.audit);
        println!(
            "\n{} events acknowledged, {} in the log, {} lost, {} twice, {} there though not acknowledged; {} not sent, as all connections were busy",
            audit.acknowledged,
            audit.events,
            audit.lost,
            audit.twice,
            audit.unacknowledged,
            totals.not_sent
        );
        for (status, refused) in &totals.refused {
            println!(
                "{} events refused with {status}, {} of them without Retry-After",
                refused.events, refused.without_retry_after
            );
        }
        println!(
            "{} deliveries, {} events in {} gaps, {} connections broken, {} pages not answered; {} read models compared",
            audit.delivered,
            audit.in_gaps,
            totals.gaps,
            totals.broken_connections,
            totals.pages_failed,
            audit.read_models
        );
        for wrong in &audit.wrong {
            println!("WRONG: {wrong}");
        }
        println!();
        for line in &self.verdict.lines {
            let holds = if line.holds { "holds" } else { "DOES NOT HOLD" };
            println!(
                "{:<44} {:<56} {:<14} {holds}",
                line.what, line.figure, line.allowed
            );
        }
    }

    /// The same with every sample.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let load = self.load;
        let cores = std::thread::available_parallelism()?.get();
        let report = json!({
            "cores": cores,
            "events_per_s": load.events_per_s,
            "events_per_append": load.events_per_append,
            "connections": load.connections,
            "readers": load.readers,
            "read_models": load.read_models,
            "seconds": load.time.as_secs(),
            "samples": self.samples,
            "totals": self.totals,
            "audit": self.audit,
            "verdict": self.verdict,
        });
        let text = serde_json::to_vec_pretty(&report)?;
        Ok(std::fs::write(folder.join("soak.json"), text)?)
    }
}

fn cells(sample: &Sample) -> [String; 13] {
    let whole = |number: f64| format!("{number:>12.0}");
    let tenths = |number: f64| format!("{number:>12.1}");
    [
        tenths(sample.at_s / 60.0),
        whole(sample.accepted),
        whole(sample.refused),
        tenths(sample.append.p50),
        tenths(sample.append.p99),
        whole(sample.append.max),
        tenths(sample.delivery.p50),
        tenths(sample.delivery.p99),
        tenths(sample.page.p99),
        tenths(sample.lag_s),
        whole(sample.server_mb),
        whole(sample.postgres_mb),
        format!("{:>12}", sample.open_files),
    ]
}
