//! What is noted each ten seconds, and in all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::load::tally::{Refused, Tally, Window};
use crate::probe::{Pages, Probe};
use crate::process;
use crate::world::World;

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Latency {
    fn of(micros: &Histogram<u64>) -> Self {
        let ms = |quantile| micros.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            p50: ms(0.5),
            p99: ms(0.99),
            max: ms(1.0),
        }
    }
}

/// One of them. Rates and shares are those of the time since the one before.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    /// Seconds since the load began.
    pub(crate) at_s: f64,
    pub(crate) server_mb: f64,
    pub(crate) postgres_mb: f64,
    /// Files that the server has open.
    pub(crate) open_files: usize,
    /// Events a second.
    pub(crate) accepted: f64,
    pub(crate) refused: f64,
    /// Those that could not be offered.
    pub(crate) not_sent: f64,
    /// From when an append was due to its answer.
    pub(crate) append: Latency,
    /// From when an append was sent to each reader.
    pub(crate) delivery: Latency,
    /// From when a page was due to its last byte.
    pub(crate) page: Latency,
    pub(crate) pages_failed: u64,
    /// The worst read model's, at its worst moment.
    pub(crate) lag_s: f64,
    pub(crate) lag_positions: i64,
    /// Processor time, in cores.
    pub(crate) server_cpu: f64,
    pub(crate) postgres_cpu: f64,
    pub(crate) load_cpu: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} s: {:.0} events/s, {:.0} refused, append p99 {:.1} ms, delivery p99 {:.1} ms, lag {:.1} s, {:.0} + {:.0} MB",
            self.at_s,
            self.accepted,
            self.refused,
            self.append.p99,
            self.delivery.p99,
            self.lag_s,
            self.server_mb,
            self.postgres_mb
        )
    }
}

/// The whole run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) accepted: u64,
    pub(crate) not_sent: u64,
    /// By status.
    pub(crate) refused: BTreeMap<u16, Refused>,
    pub(crate) broken_connections: u64,
    pub(crate) gaps: u64,
    pub(crate) pages_failed: u64,
    pub(crate) append: Latency,
    pub(crate) delivery: Latency,
    pub(crate) page: Latency,
}

/// Takes samples.
pub(crate) struct Sampler<'a> {
    world: &'a World,
    tally: &'a Arc<Tally>,
    probe: &'a Probe,
    began: Instant,
    before: Before,
    samples: Vec<Sample>,
    totals: Totals,
    appends: Histogram<u64>,
    deliveries: Histogram<u64>,
    pages: Histogram<u64>,
}

/// What the next sample is compared with.
struct Before {
    at: Instant,
    server_cpu: f64,
    postgres_cpu: f64,
    load_cpu: f64,
}

impl Before {
    fn now(world: &World) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            server_cpu: process::cpu_s(world.server())?,
            postgres_cpu: process::cpu_of_all_s(world.postgres())?,
            load_cpu: process::cpu_s(std::process::id())?,
        })
    }
}

impl<'a> Sampler<'a> {
    pub(crate) fn start(world: &'a World, tally: &'a Arc<Tally>, probe: &'a Probe) -> Result<Self> {
        Ok(Self {
            world,
            tally,
            probe,
            began: Instant::now(),
            before: Before::now(world)?,
            samples: Vec::new(),
            totals: Totals::default(),
            appends: Histogram::new(3)?,
            deliveries: Histogram::new(3)?,
            pages: Histogram::new(3)?,
        })
    }

    /// Notes the time since the last one.
    pub(crate) fn sample(&mut self) -> Result<Sample> {
        let (window, pages) = self.take()?;
        let before = std::mem::replace(&mut self.before, Before::now(self.world)?);
        let now = &self.before;
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        let rate = |events: u64| events as f64 / seconds;
        let sample = Sample {
            at_s: now.at.duration_since(self.began).as_secs_f64(),
            server_mb: process::memory_mb(self.world.server())?,
            postgres_mb: process::memory_of_all_mb(self.world.postgres())?,
            open_files: process::open_files(self.world.server())?,
            accepted: rate(window.accepted),
            refused: rate(window.refused.values().map(|refused| refused.events).sum()),
            not_sent: rate(window.not_sent),
            append: Latency::of(&window.appends),
            delivery: Latency::of(&window.deliveries),
            page: Latency::of(&pages.latency),
            pages_failed: pages.failed,
            lag_s: pages.lag_s,
            lag_positions: pages.lag_positions,
            server_cpu: (now.server_cpu - before.server_cpu) / seconds,
            postgres_cpu: (now.postgres_cpu - before.postgres_cpu) / seconds,
            load_cpu: (now.load_cpu - before.load_cpu) / seconds,
        };
        self.samples.push(sample.clone());
        Ok(sample)
    }

    /// All samples, and the whole; what came after the last sample is part of the whole only.
    pub(crate) fn end(mut self) -> Result<(Vec<Sample>, Totals)> {
        self.take()?;
        self.totals.append = Latency::of(&self.appends);
        self.totals.delivery = Latency::of(&self.deliveries);
        self.totals.page = Latency::of(&self.pages);
        Ok((self.samples, self.totals))
    }

    /// What was noted since the last time, added to the whole.
    fn take(&mut self) -> Result<(Window, Pages)> {
        let (window, pages) = (self.tally.take()?, self.probe.take()?);
        let totals = &mut self.totals;
        totals.accepted += window.accepted;
        totals.not_sent += window.not_sent;
        totals.broken_connections += window.broken;
        totals.gaps += window.gaps;
        totals.pages_failed += pages.failed;
        for (status, more) in &window.refused {
            let refused = totals.refused.entry(*status).or_default();
            refused.events += more.events;
            refused.without_retry_after += more.without_retry_after;
        }
        self.appends.add(&window.appends)?;
        self.deliveries.add(&window.deliveries)?;
        self.pages.add(&pages.latency)?;
        Ok((window, pages))
    }
}
