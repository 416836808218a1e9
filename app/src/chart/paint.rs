//! Draws a [`Plot`] by plotters: grid, axes and series, without a word.

use jiff::Timestamp;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::COLOURS;
use super::plot::{Plot, Series, Shape};

/// The colours of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    /// Lines of the grid.
    pub grid: RGBColor,
    /// The line at the bottom.
    pub axis: RGBColor,
    /// The part that stands out.
    pub picked: RGBColor,
    /// The series, by their places.
    pub series: [RGBColor; COLOURS],
    /// Width of a series' line.
    pub line: u32,
}

/// What plotters says when it can't draw.
type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;
/// An area with the chart's axes.
type Axes<'a, DB> = ChartContext<
    'a,
    DB,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// Draws over the whole area.
pub fn paint<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    plot: &Plot,
    ink: &Ink,
) -> Drawn<DB> {
    let (from, to) = (ms(plot.since), ms(plot.until).max(ms(plot.since) + 1.0));
    let top = plot.values.top();
    let mut chart = ChartBuilder::on(area).build_cartesian_2d(from..to, 0.0..top)?;
    if let Some((since, until)) = plot.picked {
        let corners = [(ms(since), 0.0), (ms(until), top)];
        chart.draw_series([Rectangle::new(corners, ink.picked.mix(0.16).filled())])?;
    }
    for at in &plot.times.ticks {
        chart.draw_series([PathElement::new([(ms(*at), 0.0), (ms(*at), top)], ink.grid)])?;
    }
    for value in plot.values.ticks.iter().skip(1) {
        chart.draw_series([PathElement::new([(from, *value), (to, *value)], ink.grid)])?;
    }
    for (series, colour) in plot.series.iter().zip(ink.series.iter().cycle()) {
        one(&mut chart, series, *colour, ink.line)?;
    }
    chart.draw_series([PathElement::new([(from, 0.0), (to, 0.0)], ink.axis)])?;
    Ok(())
}

fn one<DB: DrawingBackend>(
    chart: &mut Axes<'_, DB>,
    series: &Series,
    colour: RGBColor,
    width: u32,
) -> Drawn<DB> {
    match series.shape {
        Shape::Bars(step_ms) => {
            let bar = whole(step_ms) * 0.82;
            let bars = series.points.iter().filter(|(_, value)| *value > 0.0);
            chart.draw_series(bars.map(|(at, value)| {
                let at = ms(*at);
                Rectangle::new([(at, 0.0), (at + bar, *value)], colour.mix(0.8).filled())
            }))?;
        }
        Shape::Line(gap_ms) => {
            for line in unbroken(&series.points, gap_ms) {
                chart.draw_series([PathElement::new(line, colour.stroke_width(width))])?;
            }
        }
        Shape::Area(gap_ms) => {
            for line in unbroken(&series.points, gap_ms) {
                let (Some(first), Some(last)) = (line.first(), line.last()) else {
                    continue;
                };
                let mut below = line.clone();
                below.extend([(last.0, 0.0), (first.0, 0.0)]);
                chart.draw_series([Polygon::new(below, colour.mix(0.14))])?;
                chart.draw_series([PathElement::new(line, colour.stroke_width(width))])?;
            }
        }
    }
    Ok(())
}

/// The parts of a line between which nothing was sampled. A point that stands alone is as long as a tenth of the gap, to be seen.
fn unbroken(points: &[(Timestamp, f64)], gap_ms: i64) -> Vec<Vec<(f64, f64)>> {
    points
        .chunk_by(|one, next| next.0.as_millisecond() - one.0.as_millisecond() <= gap_ms)
        .map(|part| {
            let mut line: Vec<(f64, f64)> =
                part.iter().map(|(at, value)| (ms(*at), *value)).collect();
            if let [(at, value)] = line[..] {
                line.push((at + whole(gap_ms) / 10.0, value));
            }
            line
        })
        .collect()
}

fn ms(at: Timestamp) -> f64 {
    whole(at.as_millisecond())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds, below 2^52")]
fn whole(number: i64) -> f64 {
    number as f64
}
