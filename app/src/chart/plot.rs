//! What a chart shows.

use highwater_model::Histogram;
use jiff::Timestamp;

use super::scale::{Times, Unit, Values};

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A bar from each point's moment on, so many milliseconds wide.
    Bars(i64),
    /// A line; no line joins points that are further apart than so many milliseconds: nothing was sampled between them.
    Line(i64),
    /// The same, with what is below it.
    Area(i64),
}

/// One row of values over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is of; the legend says it.
    pub name: String,
    /// Moments and values, oldest first.
    pub points: Vec<(Timestamp, f64)>,
    /// How it is drawn.
    pub shape: Shape,
}

/// A chart: series over a range of time, and its grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Left edge.
    pub since: Timestamp,
    /// Right edge.
    pub until: Timestamp,
    /// What its values are.
    pub unit: Unit,
    /// The axis of values.
    pub values: Values,
    /// The axis of time.
    pub times: Times,
    /// What is drawn; each has the colour of its place.
    pub series: Vec<Series>,
    /// A part of the range that stands out.
    pub picked: Option<(Timestamp, Timestamp)>,
}

/// Lines of the grid of time.
const TIMES: i64 = 8;

impl Plot {
    /// With a grid that fits, in a zone so many seconds east of UTC.
    pub fn new(
        (since, until): (Timestamp, Timestamp),
        unit: Unit,
        series: Vec<Series>,
        zone: i32,
    ) -> Self {
        let most = series
            .iter()
            .flat_map(|series| &series.points)
            .map(|(_, value)| *value)
            .fold(0.0, f64::max);
        Self {
            since,
            until,
            unit,
            values: unit.values(most),
            times: Times::new(since, until, zone, TIMES),
            series,
            picked: None,
        }
    }

    /// Counts over time as bars, without a grid of time: the page says where it begins and ends.
    #[expect(clippy::cast_precision_loss, reason = "counts, below 2^52")]
    pub fn of_counts(histogram: &Histogram, picked: Option<(Timestamp, Timestamp)>) -> Self {
        let buckets = histogram.buckets.iter();
        let series = Series {
            name: "events".to_owned(),
            points: buckets
                .map(|bucket| (bucket.at, bucket.count as f64))
                .collect(),
            shape: Shape::Bars(histogram.step_ms),
        };
        let ends = (histogram.since, histogram.until);
        let mut plot = Self::new(ends, Unit::Events, vec![series], 0);
        plot.times.ticks.clear();
        plot.picked = picked;
        plot
    }

    /// Where a moment stands, from 0 at the left edge to 1 at the right one.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds, below 2^52")]
    pub fn place(&self, at: Timestamp) -> f64 {
        let from = self.since.as_millisecond();
        let width = (self.until.as_millisecond() - from).max(1);
        (at.as_millisecond() - from) as f64 / width as f64
    }

    /// Where a value stands, from 0 at the top to 1 at the bottom.
    pub fn height(&self, value: f64) -> f64 {
        1.0 - value / self.values.top()
    }

    /// Every moment at which there is a value, oldest first.
    pub fn moments(&self) -> Vec<Timestamp> {
        let mut moments: Vec<Timestamp> = self
            .series
            .iter()
            .flat_map(|series| &series.points)
            .map(|(at, _)| *at)
            .collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// Where the values of a moment stand: a bar's in its middle.
    pub fn middle(&self, at: Timestamp) -> f64 {
        let half = self.series.iter().find_map(|series| match series.shape {
            Shape::Bars(step_ms) => Some(step_ms / 2),
            Shape::Line(_) | Shape::Area(_) => None,
        });
        let middle = at.as_millisecond() + half.unwrap_or(0);
        self.place(Timestamp::from_millisecond(middle).unwrap_or(at))
            .clamp(0.0, 1.0)
    }

    /// The moment with values that is nearest to a place.
    pub fn nearest(&self, place: f64) -> Option<Timestamp> {
        let distance = |at: &Timestamp| (self.middle(*at) - place).abs();
        self.moments()
            .into_iter()
            .min_by(|one, other| distance(one).total_cmp(&distance(other)))
    }

    /// The moment so many steps from the nearest to this one; it ends at the edges.
    pub fn step(&self, from: Timestamp, steps: isize) -> Option<Timestamp> {
        let moments = self.moments();
        let here = self.nearest(self.middle(from))?;
        let here = moments.iter().position(|at| *at == here)?;
        let there = here
            .saturating_add_signed(steps)
            .min(moments.len().saturating_sub(1));
        moments.get(there).copied()
    }

    /// The values at a moment: which series, and its value there.
    pub fn read(&self, at: Timestamp) -> Vec<(usize, f64)> {
        self.series
            .iter()
            .enumerate()
            .filter_map(|(index, series)| {
                let found = series
                    .points
                    .binary_search_by_key(&at, |(moment, _)| *moment);
                found.ok().map(|found| (index, series.points[found].1))
            })
            .collect()
    }
}

/// Counts over time as events a second. The newest bucket is not over yet: it is told by what has passed of it, once that is a fifth.
#[expect(clippy::cast_precision_loss, reason = "counts, below 2^52")]
pub(super) fn rates(histogram: &Histogram, now: Timestamp) -> Vec<(Timestamp, f64)> {
    histogram
        .buckets
        .iter()
        .filter_map(|bucket| {
            let passed = now.as_millisecond() - bucket.at.as_millisecond();
            let passed = passed.min(histogram.step_ms);
            (passed * 5 >= histogram.step_ms)
                .then(|| (bucket.at, bucket.count as f64 * 1_000.0 / passed as f64))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::Bucket;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    fn line(points: &[(i64, f64)]) -> Series {
        Series {
            name: "totals".to_owned(),
            points: points
                .iter()
                .map(|(second, value)| (at(*second), *value))
                .collect(),
            shape: Shape::Line(12_000),
        }
    }

    fn plot() -> Plot {
        let series = vec![line(&[(0, 1.0), (10, 3.0), (20, 2.0)]), line(&[(10, 0.5)])];
        Plot::new((at(0), at(100)), Unit::Seconds, series, 0)
    }

    #[test]
    fn the_values_under_the_pointer_are_those_of_the_nearest_moment() {
        let plot = plot();
        assert_eq!(plot.nearest(0.12), Some(at(10)));
        assert_eq!(plot.nearest(0.9), Some(at(20)));
        assert_eq!(plot.read(at(10)), [(0, 3.0), (1, 0.5)]);
        assert_eq!(plot.read(at(20)), [(0, 2.0)]);
    }

    #[test]
    fn steps_end_at_the_edges() {
        let plot = plot();
        assert_eq!(plot.step(at(0), 1), Some(at(10)));
        assert_eq!(plot.step(at(0), -1), Some(at(0)));
        assert_eq!(plot.step(at(20), 10), Some(at(20)));
        assert_eq!(plot.step(at(13), 1), Some(at(20)), "from the nearest");
        let empty = Plot::new((at(0), at(1)), Unit::Rate, Vec::new(), 0);
        assert_eq!((empty.step(at(0), 1), empty.nearest(0.5)), (None, None));
    }

    #[test]
    fn a_bucket_that_is_not_over_is_told_by_what_has_passed_of_it() {
        let histogram = Histogram {
            since: at(0),
            until: at(30),
            step_ms: 10_000,
            buckets: [(0, 100), (10, 50), (20, 20)]
                .map(|(second, count)| Bucket {
                    at: at(second),
                    count,
                })
                .to_vec(),
            complete: true,
        };
        assert_eq!(
            rates(&histogram, at(24)),
            [(at(0), 10.0), (at(10), 5.0), (at(20), 5.0)]
        );
        assert_eq!(rates(&histogram, at(21)).len(), 2, "too little has passed");
    }
}
