//! `soak.svg`: what was sampled, a small chart each, one above the other.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::samples::Sample;

/// As the program's own pictures have it: nothing is looked for on the machine.
static INTER: &[u8] = include_bytes!("../../server/assets/inter-latin-450.ttf");
const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

const WIDTH: u32 = 900;
const HEIGHT: u32 = 150;
/// Room above a chart for its title.
const TITLE: i32 = 26;
const LEFT: u32 = 60;

const INK: RGBColor = RGBColor(0x19, 0x1e, 0x24);
const DIM: RGBColor = RGBColor(0x55, 0x5c, 0x66);
const GRID: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
const COLOURS: [RGBColor; 3] = [
    RGBColor(0x00, 0x6f, 0x8f),
    RGBColor(0xa8, 0x5a, 0x12),
    RGBColor(0x84, 0x40, 0xa8),
];

/// A figure of a sample, and its name.
type Figure = (&'static str, fn(&Sample) -> f64);

/// One chart.
struct Chart {
    title: &'static str,
    figures: &'static [Figure],
}

static CHARTS: [Chart; 8] = [
    Chart {
        title: "Memory, MB",
        figures: &[
            ("server", |sample| sample.server_mb),
            ("Postgres", |sample| sample.postgres_mb),
        ],
    },
    Chart {
        title: "Events a second",
        figures: &[
            ("accepted", |sample| sample.accepted),
            ("refused", |sample| sample.refused),
            ("not sent", |sample| sample.not_sent),
        ],
    },
    Chart {
        title: "Append, ms from when it was due",
        figures: &[
            ("p50", |sample| sample.append.p50),
            ("p99", |sample| sample.append.p99),
        ],
    },
    Chart {
        title: "Delivery to readers, ms",
        figures: &[
            ("p50", |sample| sample.delivery.p50),
            ("p99", |sample| sample.delivery.p99),
        ],
    },
    Chart {
        title: "A page of the console, ms",
        figures: &[
            ("p50", |sample| sample.page.p50),
            ("p99", |sample| sample.page.p99),
        ],
    },
    Chart {
        title: "Lag of the worst read model, s",
        figures: &[("lag", |sample| sample.lag_s)],
    },
    Chart {
        title: "Processor time, cores",
        figures: &[
            ("server", |sample| sample.server_cpu),
            ("Postgres", |sample| sample.postgres_cpu),
            ("the load itself", |sample| sample.load_cpu),
        ],
    },
    Chart {
        title: "Open files of the server",
        figures: &[("files", |sample| {
            u32::try_from(sample.open_files).map_or(0.0, f64::from)
        })],
    },
];

/// Draws them all.
pub(crate) fn write(path: &Path, samples: &[Sample]) -> Result<()> {
    register_font(FAMILY, FontStyle::Normal, INTER).map_err(|_| anyhow!("the font is not one"))?;
    let mut out = String::new();
    draw(&mut out, samples).map_err(|error| anyhow!("the charts can't be drawn: {error}"))?;
    Ok(std::fs::write(path, out)?)
}

type Failed = DrawingAreaErrorKind<std::io::Error>;

fn draw(out: &mut String, samples: &[Sample]) -> Result<(), Failed> {
    let rows = CHARTS.len();
    let height = CHARTS.iter().map(|_| HEIGHT).sum();
    let area = SVGBackend::with_string(out, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    for (part, chart) in area.split_evenly((rows, 1)).iter().zip(&CHARTS) {
        chart.draw(part, samples)?;
    }
    area.present()
}

impl Chart {
    fn draw(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        samples: &[Sample],
    ) -> Result<(), Failed> {
        self.words(area)?;
        let minutes = samples.last().map_or(1.0, |sample| sample.at_s / 60.0);
        let figures = self.figures.iter();
        let highest = figures
            .flat_map(|(_, of)| samples.iter().map(of))
            .fold(0.0, f64::max);
        // A chart of nothing but zeros needs some height, too.
        let top = if highest > 0.0 { highest * 1.1 } else { 1.0 };
        let mut builder = ChartBuilder::on(area);
        builder
            .margin_top(TITLE)
            .margin_right(20)
            .x_label_area_size(22)
            .y_label_area_size(LEFT);
        let mut chart = builder.build_cartesian_2d(0.0..minutes, 0.0..top)?;
        chart
            .configure_mesh()
            .x_labels(11)
            .y_labels(4)
            .max_light_lines(0)
            .bold_line_style(GRID)
            .axis_style(DIM)
            .label_style(style(11.0, DIM, HPos::Left))
            .x_label_formatter(&|minutes| format!("{minutes:.1} min"))
            .y_label_formatter(&|figure| label(*figure, top))
            .draw()?;
        for ((_, of), colour) in self.figures.iter().zip(COLOURS) {
            let points = samples
                .iter()
                .map(|sample| (sample.at_s / 60.0, of(sample)));
            chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        }
        Ok(())
    }

    /// The title, and at the right what each colour is.
    fn words(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Failed> {
        let title = style(13.0, INK, HPos::Left);
        area.draw(&Text::new(self.title, (60, 8), title))?;
        let mut right = 880;
        for ((name, _), colour) in self.figures.iter().zip(COLOURS).rev() {
            let style = style(12.0, colour, HPos::Right);
            area.draw(&Text::new(*name, (right, 8), style))?;
            right -= 110;
        }
        Ok(())
    }
}

fn style(size: f64, colour: RGBColor, horizontal: HPos) -> TextStyle<'static> {
    TextStyle {
        font: FontDesc::new(FontFamily::Name(FAMILY), size, FontStyle::Normal),
        color: colour.to_backend_color(),
        pos: Pos::new(horizontal, VPos::Top),
    }
}

fn label(figure: f64, top: f64) -> String {
    let digits = match top {
        top if top < 1.0 => 2,
        top if top < 10.0 => 1,
        _ => 0,
    };
    format!("{figure:.digits$}")
}
