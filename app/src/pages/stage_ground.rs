//! Where everything stands on the Stage, as the browser has laid it out.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement};

use crate::stage::flights::{Ground, Point};

/// Pixels around the doors that dots and names may need.
const MARGIN: f64 = 24.0;

/// What was measured, in pixels from the Stage's upper left corner.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Laid {
    /// Doors, and the log.
    pub(super) ground: Ground,
    /// How wide the Stage is.
    pub(super) width: f64,
    /// Nothing flies above this …
    pub(super) top: f64,
    /// … nor lower than so far below that: a browser without a GPU clears and copies each pixel that is drawn on, in each frame.
    pub(super) height: f64,
}

/// Measures it.
pub(super) fn measure(stage: &HtmlElement) -> Laid {
    let rect = stage.get_bounding_client_rect();
    let doors = |selector: &str, is_bottom: bool| -> Vec<Point> {
        let Ok(found) = stage.query_selector_all(selector) else {
            return Vec::new();
        };
        (0..found.length())
            .filter_map(|index| found.item(index)?.dyn_into().ok())
            .map(|card: Element| {
                let card = card.get_bounding_client_rect();
                let y = if is_bottom { card.bottom() } else { card.top() };
                Point {
                    x: card.left() - rect.left() + card.width() / 2.0,
                    y: y - rect.top(),
                }
            })
            .collect()
    };
    let log = stage.query_selector(".log").ok().flatten();
    let log_y = log.map_or(0.0, |log| {
        let log = log.get_bounding_client_rect();
        log.top() + log.height() / 2.0 - rect.top()
    });
    let ground = Ground {
        services: doors(".services > article", true),
        read_models: doors(".readers > article", false),
        log_y,
    };
    let doors = || ground.services.iter().chain(&ground.read_models);
    let places = || doors().map(|door| door.y).chain([log_y]);
    // Whole pixels, so that stamps are copied as they are.
    let top = (places().fold(f64::INFINITY, f64::min) - MARGIN)
        .max(0.0)
        .floor();
    let bottom = (places().fold(0.0, f64::max) + MARGIN).ceil();
    Laid {
        width: rect.width(),
        top,
        height: (bottom.min(rect.height()) - top).max(0.0),
        ground,
    }
}

/// Lays the canvas over the part of the Stage in which something flies, with so many pixels of its own for one of the page.
pub(super) fn lay(canvas: &web_sys::HtmlCanvasElement, laid: &Laid, ratio: f64) {
    // By its whole name: views have a method of this name, too.
    let style = HtmlElement::style(canvas);
    // Fails for what is no length.
    let _ = style.set_property("top", &format!("{}px", laid.top));
    let _ = style.set_property("height", &format!("{}px", laid.height));
    canvas.set_width(pixels(laid.width * ratio));
    canvas.set_height(pixels(laid.height * ratio));
}

/// Pixels of the screen for one of the page.
pub(super) fn ratio() -> f64 {
    window().device_pixel_ratio().clamp(1.0, RATIO_MAX)
}

/// Pixels of the canvas for one of the page, at most: more are not seen from afar, and cost time.
const RATIO_MAX: f64 = 2.0;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels of a window"
)]
fn pixels(length: f64) -> u32 {
    length.max(1.0) as u32
}
