//! A lag over time as a line. plotters draws it as SVG, the same on the server and in the browser; words stand beside in HTML.

use highwater_model::LagPoint;
use jiff::Timestamp;
use plotters::prelude::*;

const WIDTH: u32 = 1_200;
const HEIGHT: u32 = 110;
/// Two points further apart than this many steps have nothing between them: no line joins them.
const BREAK: i64 = 12;

/// The drawing between two times. Its colours stand for classes: the style sheet gives each theme's (`#0000FF` the line and the
/// area below it, `#808080` the grid).
pub fn svg(points: &[LagPoint], since: Timestamp, until: Timestamp, step_ms: i64) -> String {
    let mut out = String::new();
    // Drawing into a string does not fail; an empty drawing would be all that it costs.
    let _ = draw(&mut out, points, since, until, step_ms);
    out.replacen(
        "<svg ",
        "<svg class=\"bars\" preserveAspectRatio=\"none\" aria-hidden=\"true\" ",
        1,
    )
}

/// The highest number of seconds among the points, at least one.
pub fn worst(points: &[LagPoint]) -> f64 {
    points
        .iter()
        .map(|point| point.lag.seconds)
        .fold(1.0, f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "times and pixels, below 2^52")]
fn draw(
    out: &mut String,
    points: &[LagPoint],
    since: Timestamp,
    until: Timestamp,
    step_ms: i64,
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(out, (WIDTH, HEIGHT)).into_drawing_area();
    let from = since.as_millisecond();
    let to = until.as_millisecond().max(from + 1);
    let top = worst(points) * 1.05;
    let mut chart = ChartBuilder::on(&area).build_cartesian_2d(from as f64..to as f64, 0.0..top)?;
    for part in [0.0, 0.5, 1.0] {
        let height = worst(points) * part;
        chart.draw_series([PathElement::new(
            [(from as f64, height), (to as f64, height)],
            RGBColor(128, 128, 128),
        )])?;
    }
    let apart = |pair: &[LagPoint]| {
        pair[1].at.as_millisecond() - pair[0].at.as_millisecond() > step_ms.max(1_000) * BREAK
    };
    let mut start = 0;
    for end in 1..=points.len() {
        if end < points.len() && !apart(&points[end - 1..=end]) {
            continue;
        }
        let line: Vec<(f64, f64)> = points[start..end]
            .iter()
            .map(|point| (point.at.as_millisecond() as f64, point.lag.seconds))
            .collect();
        start = end;
        let (Some(first), Some(last)) = (line.first(), line.last()) else {
            continue;
        };
        let mut below = line.clone();
        below.extend([(last.0, 0.0), (first.0, 0.0)]);
        chart.draw_series([Polygon::new(below, RGBColor(0, 0, 255).mix(0.14))])?;
        chart.draw_series([PathElement::new(line, RGBColor(0, 0, 255))])?;
    }
    area.present()?;
    drop(chart);
    drop(area);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::Lag;

    #[test]
    fn a_line_is_broken_where_nothing_was_sampled() {
        let start = 1_767_225_600;
        let point = |second: i64| LagPoint {
            at: Timestamp::from_second(start + second).unwrap(),
            lag: Lag {
                seconds: 2.0,
                ..Lag::default()
            },
            handled: 0,
        };
        let points = [point(0), point(1), point(2), point(100), point(101)];
        let svg = svg(
            &points,
            Timestamp::from_second(start).unwrap(),
            Timestamp::from_second(start + 120).unwrap(),
            1_000,
        );
        assert_eq!(svg.matches("<polygon").count(), 2, "{svg}");
        assert!(!svg.contains("style="), "{svg}");
    }
}
