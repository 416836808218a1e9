//! Whether it stayed flat.

use serde::Serialize;

use crate::samples::{Sample, Totals};

/// What memory may grow by in the second half of a run, in MB, or as a share of what it is; the larger counts. Caches of sessions, and
/// what an allocator keeps, move by that much without a trend.
const GROWTH_MB: f64 = 16.0;
const GROWTH_SHARE: f64 = 0.05;
/// What a latency of the last third may be of that of the first, or more than it in ms; the larger counts.
const SLOWER: f64 = 1.5;
const SLOWER_MS: f64 = 5.0;
/// The same of the lag, in seconds.
const LAG_S: f64 = 1.0;
/// Files that may be open in the last third beyond those of the first.
const FILES: f64 = 32.0;
/// What somebody at the console puts up with in an overload, in ms.
const PAGE_MS: f64 = 2_000.0;

/// One question.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) figure: String,
    pub(crate) allowed: String,
    pub(crate) holds: bool,
}

impl Line {
    fn at_most(what: &'static str, figure: String, measured: f64, most: f64, unit: &str) -> Self {
        Self {
            what,
            figure,
            allowed: format!("≤ {most:.1}{unit}"),
            holds: measured <= most,
        }
    }

    fn none(what: &'static str, count: u64) -> Self {
        Self::at_most(what, count.to_string(), count as f64, 0.0, "")
    }
}

/// All of them.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) holds: bool,
    pub(crate) lines: Vec<Line>,
}

impl Verdict {
    /// Of a load that the server has to bear: nothing grows, nothing is refused.
    pub(crate) fn of_soak(samples: &[Sample], totals: &Totals) -> Self {
        let refused = totals.refused.values().map(|refused| refused.events);
        let slower =
            |what, of: fn(&Sample) -> f64| ratio(what, " ms", SLOWER_MS, thirds(samples, of));
        Self::of(vec![
            memory("memory of the server", samples, |sample| sample.server_mb),
            memory("memory of Postgres", samples, |sample| sample.postgres_mb),
            slower("append p99", |sample| sample.append.p99),
            slower("delivery p99", |sample| sample.delivery.p99),
            slower("page p99", |sample| sample.page.p99),
            ratio(
                "lag of the worst read model",
                " s",
                LAG_S,
                thirds(samples, |sample| sample.lag_s),
            ),
            open_files(samples),
            Line::none("events refused", refused.sum()),
            Line::none("connections broken", totals.broken_connections),
            Line::none("pages not answered", totals.pages_failed),
        ])
    }

    /// Of one that is more than it can take: what is refused is refused in order, nothing grows, the console answers.
    pub(crate) fn of_overload(samples: &[Sample], totals: &Totals) -> Self {
        let refused = totals.refused.values();
        let unsaid = refused.map(|refused| refused.without_retry_after).sum();
        let busy = totals.refused.iter();
        let other = busy.filter(|(status, _)| ![429, 503].contains(*status));
        Self::of(vec![
            memory("memory of the server", samples, |sample| sample.server_mb),
            memory("memory of Postgres", samples, |sample| sample.postgres_mb),
            open_files(samples),
            Line::none("refused without Retry-After", unsaid),
            Line::none(
                "refused with another status than 429 or 503",
                other.map(|(_, refused)| refused.events).sum(),
            ),
            Line::none("pages not answered", totals.pages_failed),
            Line::at_most(
                "page p99",
                format!("{:.0} ms", totals.page.p99),
                totals.page.p99,
                PAGE_MS,
                " ms",
            ),
        ])
    }

    fn of(lines: Vec<Line>) -> Self {
        Self {
            holds: lines.iter().all(|line| line.holds),
            lines,
        }
    }
}

/// How fast it grows by the line that fits the second half best.
fn memory(what: &'static str, samples: &[Sample], of: fn(&Sample) -> f64) -> Line {
    let half = &samples[samples.len() / 2..];
    let points: Vec<(f64, f64)> = half
        .iter()
        .map(|sample| (sample.at_s / 3_600.0, of(sample)))
        .collect();
    let an_hour = slope(&points);
    let hours = match (points.first(), points.last()) {
        (Some(first), Some(last)) => last.0 - first.0,
        _ => 0.0,
    };
    let middle = mean(points.iter().map(|point| point.1));
    let most = GROWTH_MB.max(middle * GROWTH_SHARE);
    let figure = format!(
        "{:+.1} MB in {:.1} min around {middle:.0} MB ({an_hour:+.1} MB/h)",
        an_hour * hours,
        hours * 60.0
    );
    Line::at_most(what, figure, an_hour * hours, most, " MB")
}

fn open_files(samples: &[Sample]) -> Line {
    let (first, last) = thirds(samples, |sample| {
        u32::try_from(sample.open_files).map_or(f64::MAX, f64::from)
    });
    Line::at_most(
        "open files of the server",
        format!("{first:.0} → {last:.0}"),
        last,
        first + FILES,
        "",
    )
}

fn ratio(what: &'static str, unit: &str, slack: f64, (first, last): (f64, f64)) -> Line {
    Line::at_most(
        what,
        format!("{first:.1} → {last:.1}{unit}"),
        last,
        (first * SLOWER).max(first + slack),
        unit,
    )
}

/// The medians of the first third and of the last: a single bad moment is no trend.
fn thirds(samples: &[Sample], of: fn(&Sample) -> f64) -> (f64, f64) {
    let third = samples.len().div_ceil(3);
    let median = |part: &[Sample]| {
        let mut values: Vec<f64> = part.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    (
        median(&samples[..third]),
        median(&samples[samples.len() - third..]),
    )
}

/// Least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let (x, y) = (
        mean(points.iter().map(|point| point.0)),
        mean(points.iter().map(|point| point.1)),
    );
    let above: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if below > 0.0 { above / below } else { 0.0 }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}
