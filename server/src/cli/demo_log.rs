//! `highwater demo-log`.

use std::io::{BufWriter, ErrorKind, Write, stdout};

use anyhow::Context;
use clap::Args;
use highwater_demo::Shop;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// `highwater demo-log`.
#[derive(Debug, Args)]
pub struct DemoLogArgs {
    /// How many events
    #[arg(value_name = "EVENTS")]
    events: u64,
    /// The number that they follow from
    #[arg(long, default_value_t = 1, env = "HIGHWATER_DEMO_SEED")]
    seed: u64,
    /// How many happen in a second of the shop's own time
    #[arg(long, default_value_t = 20.0, value_name = "EVENTS")]
    per_second: f64,
}

/// A line that import takes.
#[derive(Serialize)]
struct Line<'a> {
    stream: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    id: Option<Uuid>,
    occurred_at: Timestamp,
    data: &'a RawValue,
    metadata: Option<&'a RawValue>,
}

/// Prints the shop's events from 2026 on. The same numbers give the same lines, so an import of them can be stopped and run again.
pub fn run(args: &DemoLogArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.per_second.is_finite() && (0.01..=10_000.0).contains(&args.per_second),
        "--per-second is {}; give a number from 0.01 to 10000",
        args.per_second
    );
    match write(args, BufWriter::with_capacity(1 << 20, stdout().lock())) {
        // Whoever reads has enough: `| head`.
        Err(error)
            if error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        done => done.context("the events could not be written"),
    }
}

fn write(args: &DemoLogArgs, mut out: impl Write) -> anyhow::Result<()> {
    let start = Timestamp::from_second(1_767_225_600)?;
    let mut shop = Shop::new(args.seed, args.per_second);
    for _ in 0..args.events {
        let append = shop.next_append();
        let occurred_at = start + SignedDuration::from_millis(shop.now_ms());
        for event in &append.events {
            let line = Line {
                stream: append.stream.as_str(),
                event_type: &event.event_type,
                id: event.id,
                occurred_at,
                data: &event.data,
                metadata: event.metadata.as_deref(),
            };
            // In one piece: an error of the pipe stays one.
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            out.write_all(&text)?;
        }
    }
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use highwater_model::ImportLine;

    use super::*;

    #[test]
    fn each_line_is_one_that_import_takes_and_time_goes_on() {
        let args = DemoLogArgs {
            events: 500,
            seed: 7,
            per_second: 20.0,
        };
        let mut out = Vec::new();
        write(&args, &mut out).unwrap();
        let lines: Vec<ImportLine> = std::str::from_utf8(&out)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 500);
        assert!(
            lines
                .windows(2)
                .all(|pair| pair[0].occurred_at < pair[1].occurred_at)
        );
        assert!(lines.iter().all(|line| line.id.is_some()));
    }
}
