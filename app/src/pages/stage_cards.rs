//! A canvas that is not on the page, and everything of the Stage that does not fly, drawn on it as the browser shows it.

use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CanvasRenderingContext2d, DomRect, Element, HtmlCanvasElement, HtmlElement};

/// What is written on the Stage, without its buttons.
const WORDS: &str = ".actor h2, .actor p:not(.orders), .log span, .caption";

/// A canvas that is not on the page.
pub(super) struct Picture {
    pub(super) canvas: HtmlCanvasElement,
    pub(super) context: CanvasRenderingContext2d,
}

impl Picture {
    pub(super) fn new() -> Result<Self, JsValue> {
        let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
        let context = canvas.get_context("2d")?;
        let context = context.ok_or("it has no canvas")?.unchecked_into();
        Ok(Self { canvas, context })
    }

    /// As large as this; a recorder takes even numbers only.
    pub(super) fn fit(&self, whole: &DomRect) {
        let (width, height) = (even(whole.width()), even(whole.height()));
        if (self.canvas.width(), self.canvas.height()) != (width, height) {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (f64, f64) {
        (
            f64::from(self.canvas.width()),
            f64::from(self.canvas.height()),
        )
    }

    /// Everything that does not fly: the cards, the log, the words of a scenario or a film.
    pub(super) fn draw_cards(&self, stage: &HtmlElement, whole: &DomRect) {
        let ground = document()
            .body()
            .and_then(|body| style(&body, "background-color"));
        self.context
            .set_fill_style_str(ground.as_deref().unwrap_or("white"));
        self.context
            .fill_rect(0.0, 0.0, whole.width(), whole.height());
        for (boxes, radius) in [(".actor", 12.0), (".log", 28.0)] {
            for element in all(stage, boxes) {
                self.draw_box(&element, whole, radius);
            }
        }
        for element in all(stage, WORDS) {
            self.draw_words(&element, whole);
        }
    }

    fn draw_box(&self, element: &Element, whole: &DomRect, radius: f64) {
        let rect = element.get_bounding_client_rect();
        let (x, y) = (rect.left() - whole.left(), rect.top() - whole.top());
        let context = &self.context;
        context.begin_path();
        // Fails for a negative radius only.
        let _ = context.round_rect_with_f64(x, y, rect.width(), rect.height(), radius);
        if let Some(colour) = style(element, "background-color") {
            context.set_fill_style_str(&colour);
            context.fill();
        }
        if let Some(colour) = style(element, "border-top-color") {
            context.set_stroke_style_str(&colour);
            context.stroke();
        }
    }

    fn draw_words(&self, element: &Element, whole: &DomRect) {
        let words = element.text_content().unwrap_or_default();
        let rect = element.get_bounding_client_rect();
        if words.trim().is_empty() || rect.height() == 0.0 {
            return;
        }
        let context = &self.context;
        // The shorthand is empty where a part of it has no place in it, like numerals of one width.
        let font: Option<Vec<String>> = ["font-weight", "font-size", "font-family"]
            .iter()
            .map(|part| style(element, part))
            .collect();
        if let Some(font) = font {
            context.set_font(&font.join(" "));
        }
        if let Some(colour) = style(element, "color") {
            context.set_fill_style_str(&colour);
        }
        context.set_text_baseline("middle");
        let x = rect.left() - whole.left();
        let y = rect.top() - whole.top() + rect.height() / 2.0;
        let _ = context.fill_text_with_max_width(words.trim(), x, y, rect.width());
    }
}

fn all(stage: &HtmlElement, selector: &str) -> Vec<Element> {
    let Ok(found) = stage.query_selector_all(selector) else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|at| found.item(at)?.dyn_into().ok())
        .collect()
}

/// What the browser makes of this property.
fn style(element: &Element, property: &str) -> Option<String> {
    let style = window().get_computed_style(element).ok()??;
    style
        .get_property_value(property)
        .ok()
        .filter(|value| !value.is_empty())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels of a window"
)]
fn even(length: f64) -> u32 {
    (length.max(2.0) as u32) & !1
}
