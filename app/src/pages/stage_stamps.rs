//! Dots as stamps: drawn once, and then copied to wherever one flies. A browser without a GPU copies a small picture, laid on whole pixels,
//! in a fraction of the time in which it draws a circle.

use std::collections::HashMap;

use leptos::prelude::document;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use crate::stage::flights::{Dot, NO_HUE};

/// Radii in pixels of the page: of one event, and of however many.
const RADIUS: (f64, f64) = (4.5, 18.0);
/// Kept at most: colours times radii are fewer, but for events of very many types.
const KEPT: usize = 1_000;

/// The dots that were drawn.
#[derive(Debug)]
pub(super) struct Stamps {
    ratio: f64,
    drawn: HashMap<Look, HtmlCanvasElement>,
}

/// What tells one from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Look {
    hue: u16,
    /// In half pixels.
    radius: u8,
    is_dark: bool,
}

impl Default for Stamps {
    fn default() -> Self {
        Self::of(1.0)
    }
}

impl Stamps {
    /// For a canvas that has so many pixels of its own for one of the page.
    pub(super) fn of(ratio: f64) -> Self {
        Self {
            ratio,
            drawn: HashMap::new(),
        }
    }

    /// Stamps this dot.
    pub(super) fn dot(&mut self, context: &CanvasRenderingContext2d, dot: Dot, is_dark: bool) {
        let look = Look {
            hue: dot.hue,
            radius: radius(dot.count),
            is_dark,
        };
        if self.drawn.len() > KEPT {
            self.drawn.clear();
        }
        if !self.drawn.contains_key(&look) {
            // Fails only where a browser gives no canvas, and then there is none to stamp on either.
            if let Ok(stamp) = draw(look, self.ratio) {
                self.drawn.insert(look, stamp);
            }
        }
        if let Some(stamp) = self.drawn.get(&look) {
            let half = side(look) / 2.0;
            let (x, y) = ((dot.at.x - half).round(), (dot.at.y - half).round());
            let whole = side(look);
            let _ = context
                .draw_image_with_html_canvas_element_and_dw_and_dh(stamp, x, y, whole, whole);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 9 and 36"
)]
fn radius(count: u32) -> u8 {
    let radius = RADIUS.0 + f64::from(count.max(1)).log2() * 1.8;
    (radius.min(RADIUS.1) * 2.0).round() as u8
}

/// How wide and high a stamp is, in whole pixels of the page.
fn side(look: Look) -> f64 {
    f64::from(look.radius) + 2.0
}

fn draw(look: Look, ratio: f64) -> Result<HtmlCanvasElement, JsValue> {
    let stamp: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    let side = side(look);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below 100"
    )]
    let pixels = (side * ratio).ceil() as u32;
    stamp.set_width(pixels);
    stamp.set_height(pixels);
    let context: CanvasRenderingContext2d = stamp
        .get_context("2d")?
        .ok_or("it has no canvas")?
        .unchecked_into();
    let scale = f64::from(pixels) / side;
    context.scale(scale, scale)?;
    context.set_fill_style_str(&colour(look.hue, look.is_dark, 1.0));
    context.begin_path();
    let radius = f64::from(look.radius) / 2.0;
    context.arc(side / 2.0, side / 2.0, radius, 0.0, std::f64::consts::TAU)?;
    context.fill();
    Ok(stamp)
}

/// The colour of a type, or of several.
pub(super) fn colour(hue: u16, is_dark: bool, strength: f64) -> String {
    let (light, chroma) = match (is_dark, hue) {
        (true, NO_HUE) => (0.8, 0.0),
        (false, NO_HUE) => (0.5, 0.0),
        (true, _) => (0.75, 0.14),
        (false, _) => (0.58, 0.16),
    };
    format!("oklch({light} {chroma} {hue} / {strength})")
}
