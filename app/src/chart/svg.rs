//! A [`Plot`] as the SVG of a page: no words, and colours that stand for the style sheet's.

use jiff::Timestamp;
use plotters::prelude::*;

use super::paint::{Ink, paint};
use super::plot::{Plot, Series};
use super::scale::Unit;

/// Size in the drawing's own units; the page stretches it.
const SIZE: (u32, u32) = (1_200, 200);
const SPARK: (u32, u32) = (240, 48);

/// `style/chart.css` gives each of these the colour of the theme.
const INK: Ink = Ink {
    grid: RGBColor(128, 128, 128),
    axis: RGBColor(64, 64, 64),
    picked: RGBColor(0, 255, 0),
    series: [
        RGBColor(0, 0, 255),
        RGBColor(0, 0, 254),
        RGBColor(0, 0, 253),
        RGBColor(0, 0, 252),
        RGBColor(0, 0, 251),
        RGBColor(0, 0, 250),
    ],
    line: 2,
};

/// The drawing.
pub fn svg(plot: &Plot) -> String {
    drawn(plot, SIZE)
}

/// A small drawing of one series, without a grid.
pub fn sparkline(series: Series, range: (Timestamp, Timestamp), unit: Unit) -> String {
    let mut plot = Plot::new(range, unit, vec![series], 0);
    plot.times.ticks.clear();
    let top = plot.values.top();
    // Room above, so that the highest point is not cut in half; no line at the top.
    plot.values.ticks = vec![top * 1.06];
    drawn(&plot, SPARK)
}

fn drawn(plot: &Plot, size: (u32, u32)) -> String {
    let mut out = String::new();
    {
        let area = SVGBackend::with_string(&mut out, size).into_drawing_area();
        // Drawing into a string does not fail; an empty drawing would be all that it costs.
        let _ = paint(&area, plot, &INK).map(|()| area.present());
    }
    out.replacen(
        "<svg ",
        "<svg class=\"drawing\" preserveAspectRatio=\"none\" aria-hidden=\"true\" ",
        1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Shape;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    fn series(seconds: &[i64], shape: Shape) -> Series {
        Series {
            name: "totals".to_owned(),
            points: seconds.iter().map(|second| (at(*second), 2.0)).collect(),
            shape,
        }
    }

    fn drawing(series: Vec<Series>) -> String {
        svg(&Plot::new((at(0), at(120)), Unit::Seconds, series, 0))
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_sampled() {
        let svg = drawing(vec![series(&[0, 1, 2, 100, 101], Shape::Area(12_000))]);
        assert_eq!(svg.matches("<polygon").count(), 2, "{svg}");
        assert_eq!(svg.matches("stroke=\"#0000FF\"").count(), 2, "{svg}");
    }

    #[test]
    fn each_series_has_a_colour_and_nothing_has_a_style_or_a_word() {
        let svg = drawing(vec![
            series(&[0, 1], Shape::Line(12_000)),
            series(&[0, 1], Shape::Line(12_000)),
        ]);
        assert_eq!(svg.matches("stroke=\"#0000FF\"").count(), 1, "{svg}");
        assert_eq!(svg.matches("stroke=\"#0000FE\"").count(), 1, "{svg}");
        assert!(!svg.contains("style=") && !svg.contains("<text"), "{svg}");
    }

    #[test]
    fn there_is_a_bar_for_each_value_above_nothing() {
        let mut bars = series(&[0, 10, 20], Shape::Bars(10_000));
        bars.points[1].1 = 0.0;
        let svg = drawing(vec![bars]);
        assert_eq!(svg.matches("fill=\"#0000FF\"").count(), 2, "{svg}");
    }

    #[test]
    fn a_sparkline_has_no_grid() {
        let small = series(&[0, 10], Shape::Area(60_000));
        let svg = sparkline(small, (at(0), at(60)), Unit::Seconds);
        assert!(!svg.contains("#808080"), "{svg}");
        assert_eq!(svg.matches("<polygon").count(), 1, "{svg}");
    }
}
