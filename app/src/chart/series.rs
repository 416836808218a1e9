//! What is measured, as series of a chart: the same for the page and for a report's picture.

use highwater_model::{Histogram, LagHistory, LagSeries};
use jiff::Timestamp;

use super::plot::{Series, Shape, rates};

/// Appends as bars of events a second.
pub fn appends(histogram: &Histogram, now: Timestamp) -> Series {
    Series {
        name: "events appended a second".to_owned(),
        points: rates(histogram, now.min(histogram.until)),
        shape: Shape::Bars(histogram.step_ms),
    }
}

/// The lag of one read model in seconds; nothing joins points between which nothing was sampled.
pub fn lag(history: &LagHistory, of: &LagSeries, shape: fn(i64) -> Shape) -> Series {
    let points = of.points.iter();
    Series {
        name: of.name.clone(),
        points: points.map(|point| (point.at, point.lag.seconds)).collect(),
        shape: shape(history.step_s * 3_500),
    }
}
