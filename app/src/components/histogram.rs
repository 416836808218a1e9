//! Events over time as bars. plotters draws them as SVG, the same on the server and in the browser; words stand beside in HTML.

use highwater_model::Histogram;
use jiff::Timestamp;
use plotters::prelude::*;

/// Width of the drawing in its own units; the page stretches it.
pub const WIDTH: u32 = 1_200;
/// Height of the drawing.
pub const HEIGHT: u32 = 64;

/// The drawing. Its colours stand for classes: the style sheet gives each theme's (`fill="#0000FF"` a bar, `#00FF00` the picked range).
pub fn svg(histogram: &Histogram, picked: Option<(Timestamp, Timestamp)>) -> String {
    let mut out = String::new();
    // Drawing into a string does not fail; an empty drawing would be all that it costs.
    let _ = draw(&mut out, histogram, picked);
    out.replacen(
        "<svg ",
        "<svg class=\"bars\" preserveAspectRatio=\"none\" aria-hidden=\"true\" ",
        1,
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and pixels, far below 2^52"
)]
fn draw(
    out: &mut String,
    histogram: &Histogram,
    picked: Option<(Timestamp, Timestamp)>,
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(out, (WIDTH, HEIGHT)).into_drawing_area();
    let from = histogram.since.as_millisecond();
    let to = histogram.until.as_millisecond().max(from + 1);
    let most = histogram
        .buckets
        .iter()
        .map(|bucket| bucket.count)
        .max()
        .unwrap_or(0)
        .max(1);
    let mut chart = ChartBuilder::on(&area)
        .build_cartesian_2d(from as f64..to as f64, 0.0..most as f64 * 1.05)?;
    if let Some((since, until)) = picked {
        let corners = [
            (since.as_millisecond() as f64, 0.0),
            (until.as_millisecond() as f64, most as f64 * 1.05),
        ];
        chart.draw_series([Rectangle::new(corners, RGBColor(0, 255, 0).filled())])?;
    }
    let step = histogram.step_ms as f64;
    chart.draw_series(
        histogram
            .buckets
            .iter()
            .filter(|bucket| bucket.count > 0)
            .map(|bucket| {
                let at = bucket.at.as_millisecond() as f64;
                Rectangle::new(
                    [(at, 0.0), (at + step * 0.82, bucket.count as f64)],
                    RGBColor(0, 0, 255).filled(),
                )
            }),
    )?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::Bucket;

    #[test]
    fn there_is_a_bar_for_each_bucket_with_events_and_no_style_attribute() {
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let until: Timestamp = "2026-01-01T00:00:03Z".parse().unwrap();
        let bucket = |second: i64, count| Bucket {
            at: Timestamp::from_second(since.as_second() + second).unwrap(),
            count,
        };
        let histogram = Histogram {
            since,
            until,
            step_ms: 1_000,
            buckets: vec![bucket(0, 3), bucket(1, 0), bucket(2, 9)],
            complete: true,
        };
        let svg = svg(&histogram, None);
        assert_eq!(svg.matches("#0000FF").count(), 2, "{svg}");
        assert!(!svg.contains("style="), "{svg}");
    }
}
