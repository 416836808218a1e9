//! A chart as a picture for a report: the same drawing as in the page, with its words in it.

use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow};
use highwater_app::chart::{Ink, Plot, Unit, paint};
use highwater_app::format;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The console's font, of one weight, as outlines: `public/fonts` has it for browsers. Nothing is looked for on the machine.
static INTER: &[u8] = include_bytes!("../assets/inter-latin-450.ttf");
/// What an SVG asks for; outlines are registered under the same name.
const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// Room around the drawing: left, top, right, bottom.
const LEFT: i32 = 64;
const TOP: i32 = 64;
const RIGHT: i32 = 20;
const BOTTOM: i32 = 58;

/// Colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// On white.
    Light,
    /// As the console's dark theme.
    Dark,
}

/// The tokens of `style/tokens.css` and `style/chart.css`, in sRGB.
struct Colours {
    ground: RGBColor,
    ink: RGBColor,
    dim: RGBColor,
    drawing: Ink,
}

impl Theme {
    fn colours(self) -> Colours {
        let rgb = |hex: u32| {
            let [_, red, green, blue] = hex.to_be_bytes();
            RGBColor(red, green, blue)
        };
        let (ground, ink, dim, grid, axis, series) = match self {
            Self::Light => (
                0x00ff_ffff,
                0x0019_1e24,
                0x0055_5c66,
                0x00e3_e6ea,
                0x0083_8a93,
                [
                    0x0000_6f8f,
                    0x00a8_5a12,
                    0x0084_40a8,
                    0x0013_7443,
                    0x00b8_2f46,
                    0x003a_52a8,
                ],
            ),
            Self::Dark => (
                0x0014_191e,
                0x00e8_ebef,
                0x00a4_abb4,
                0x002b_3138,
                0x0067_6e78,
                [
                    0x005c_d2e6,
                    0x00ec_b564,
                    0x00c5_9bf0,
                    0x006c_d696,
                    0x00f0_8a97,
                    0x0089_a7f2,
                ],
            ),
        };
        Colours {
            ground: rgb(ground),
            ink: rgb(ink),
            dim: rgb(dim),
            drawing: Ink {
                grid: rgb(grid),
                axis: rgb(axis),
                picked: rgb(series[0]),
                series: series.map(rgb),
                line: 2,
            },
        }
    }
}

/// A chart with its title.
#[derive(Debug)]
pub struct Picture {
    /// What it shows.
    pub title: String,
    /// What is drawn.
    pub plot: Plot,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Its colours.
    pub theme: Theme,
}

impl Picture {
    /// As SVG; its words are text.
    pub fn svg(&self) -> Result<String> {
        let mut out = String::new();
        self.draw(&SVGBackend::with_string(&mut out, self.size).into_drawing_area())?;
        Ok(out)
    }

    /// As PNG.
    pub fn png(&self) -> Result<Vec<u8>> {
        let (width, height) = self.size;
        let mut pixels = vec![0; width as usize * height as usize * 3];
        self.draw(&BitMapBackend::with_buffer(&mut pixels, self.size).into_drawing_area())?;
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(out)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<()> {
        let said = |error: DrawingAreaErrorKind<DB::ErrorType>| anyhow!("{error}");
        font()?;
        let colours = self.theme.colours();
        area.fill(&colours.ground).map_err(said)?;
        let whole = area.margin(TOP, BOTTOM, LEFT, RIGHT);
        paint(&whole, &self.plot, &colours.drawing).map_err(said)?;
        self.words(area, &colours).map_err(said)?;
        area.present().map_err(said)
    }

    /// Title, labels of the axes, legend.
    fn words<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        colours: &Colours,
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        let plot = &self.plot;
        let (width, height) = (pixel(f64::from(self.size.0)), pixel(f64::from(self.size.1)));
        let (right, bottom) = (width - RIGHT, height - BOTTOM);
        let write = |words: &str, at: (i32, i32), size: f64, colour: RGBColor, pos: Pos| {
            area.draw(&Text::new(words.to_owned(), at, style(size, colour, pos)))
        };
        let from_left = |vertical| Pos::new(HPos::Left, vertical);
        write(
            &self.title,
            (LEFT, 12),
            18.0,
            colours.ink,
            from_left(VPos::Top),
        )?;
        let unit = match plot.unit {
            Unit::Rate => "events / s",
            Unit::Events => "events",
            Unit::Seconds => "age of the oldest event that is not handled",
        };
        write(unit, (LEFT, 38), 12.0, colours.dim, from_left(VPos::Top))?;
        let ends = format!(
            "{} – {} UTC",
            format::date_time(plot.since, 0),
            format::date_time(plot.until, 0)
        );
        let ends_at = Pos::new(HPos::Right, VPos::Top);
        write(&ends, (right, 38), 12.0, colours.dim, ends_at)?;
        for tick in &plot.values.ticks {
            let y = f64::from(TOP) + plot.height(*tick) * f64::from(bottom - TOP);
            let pos = Pos::new(HPos::Right, VPos::Center);
            let label = plot.unit.label(*tick);
            write(&label, (LEFT - 8, pixel(y)), 12.0, colours.dim, pos)?;
        }
        // As many as there is room for.
        let all = plot.times.ticks.len();
        let every = (all * 64)
            .div_ceil(usize::try_from(right - LEFT).unwrap_or(1))
            .max(1);
        for at in plot.times.ticks.iter().step_by(every) {
            let place = plot.place(*at);
            let x = f64::from(LEFT) + place * f64::from(right - LEFT);
            let horizontal = if place > 0.97 {
                HPos::Right
            } else {
                HPos::Center
            };
            let pos = Pos::new(horizontal, VPos::Top);
            let label = plot.times.label(*at, 0);
            write(&label, (pixel(x), bottom + 6), 12.0, colours.dim, pos)?;
        }
        if plot.series.iter().all(|series| series.points.is_empty()) {
            let middle = (i32::midpoint(LEFT, right), i32::midpoint(TOP, bottom));
            let pos = Pos::new(HPos::Center, VPos::Center);
            write(
                "Nothing was measured in this time.",
                middle,
                14.0,
                colours.dim,
                pos,
            )?;
        }
        self.legend(area, colours, (bottom + 32, right))
    }

    /// A swatch and a name for each series, as far as the line reaches.
    fn legend<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
        colours: &Colours,
        (y, right): (i32, i32),
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        let mut x = LEFT;
        for (series, colour) in self.plot.series.iter().zip(colours.drawing.series) {
            let name = style(12.0, colours.dim, Pos::new(HPos::Left, VPos::Center));
            let (wide, _) = area.estimate_text_size(&series.name, &name)?;
            let wide = i32::try_from(wide).unwrap_or(i32::MAX / 2);
            if x > LEFT && x + 16 + wide > right {
                let more = style(12.0, colours.dim, Pos::new(HPos::Left, VPos::Center));
                area.draw(&Text::new("…".to_owned(), (x, y), more))?;
                break;
            }
            let swatch = [(x, y - 2), (x + 10, y + 2)];
            area.draw(&Rectangle::new(swatch, colour.filled()))?;
            area.draw(&Text::new(series.name.clone(), (x + 16, y), name))?;
            x += 16 + wide + 20;
        }
        Ok(())
    }
}

fn style(size: f64, colour: RGBColor, pos: Pos) -> TextStyle<'static> {
    TextStyle {
        font: FontDesc::new(FontFamily::Name(FAMILY), size, FontStyle::Normal),
        color: colour.to_backend_color(),
        pos,
    }
}

/// Makes the font known to plotters, once.
fn font() -> Result<()> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = KNOWN.get_or_init(|| register_font(FAMILY, FontStyle::Normal, INTER).is_ok());
    known.then_some(()).context("the font is not one")
}

#[expect(clippy::cast_possible_truncation, reason = "pixels of a picture")]
fn pixel(place: f64) -> i32 {
    place.round() as i32
}
