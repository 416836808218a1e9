//! Draws what flies on the Stage: a canvas behind the cards, a frame at a time, and nothing while nothing moves.

use std::cell::RefCell;
use std::sync::Arc;

use highwater_model::RecordedEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};

use super::stage_scene::Shown;
use crate::format;
use crate::stage::cast::Hearer;
use crate::stage::flights::{Dot, Flights, Ground, Launch, NO_HUE, Point, Written};

/// The ground is measured again after so many frames: cards grow, windows change.
const MEASURE_EVERY: u32 = 30;
/// Pixels of the canvas for one of the page, at most: more are not seen from afar, and cost time.
const RATIO_MAX: f64 = 2.0;

/// In a narrower picture, in pixels, there is no room for names.
const NAMES_FROM: f64 = 760.0;

/// What is drawn, and where.
struct Painter {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    stage: HtmlElement,
    flights: Flights,
    ground: Ground,
    size: Point,
    is_dark: bool,
    frames: u32,
    is_clear: bool,
}

thread_local! {
    // What a browser draws with can't be dropped by another thread, so the page's signals don't hold it: on the server they end anywhere.
    static PAINTER: RefCell<Option<Painter>> = const { RefCell::new(None) };
}

/// Does something with the page's painter, if it has one.
fn with_painter(act: impl FnOnce(&mut Painter)) {
    PAINTER.with_borrow_mut(|painter| {
        if let Some(painter) = painter {
            act(painter);
        }
    });
}

/// Plays from now on, in the browser.
pub(super) fn play(
    shown: Shown,
    canvas: NodeRef<leptos::html::Canvas>,
    ground: NodeRef<leptos::html::Div>,
) {
    Effect::new(move |begun: Option<bool>| {
        let (Some(canvas), Some(stage)) = (canvas.get(), ground.get()) else {
            return false;
        };
        if is_calm() || begun == Some(true) {
            return begun == Some(true);
        }
        PAINTER.set(Painter::of(canvas, stage.into()));
        frame(shown);
        true
    });
    on_cleanup(|| PAINTER.set(None));
    Effect::new(move |_| {
        let fresh = shown.fresh.get();
        if fresh.is_empty() {
            return;
        }
        count(shown, &fresh);
        with_painter(|painter| {
            let now = now();
            for event in &fresh {
                painter.launch(now, event, shown);
            }
        });
    });
    Effect::new(move |_| {
        let taken = shown.taken.get();
        with_painter(|painter| painter.pour(now(), &taken, shown));
    });
}

fn count(shown: Shown, events: &[Arc<RecordedEvent>]) {
    shown.cast.with_value(|cast| {
        shown.emitted.update(|emitted| {
            for event in events {
                if let Some(actor) = cast.emitter(event).and_then(|at| cast.services.get(at)) {
                    *emitted.entry(actor.name.clone()).or_default() += 1;
                }
            }
        });
    });
}

/// One frame, and then the next, as long as this Stage is there.
fn frame(shown: Shown) {
    request_animation_frame(move || {
        if shown.cast.try_with_value(|_| ()).is_some() {
            with_painter(|painter| painter.draw(now()));
            frame(shown);
        }
    });
}

impl Painter {
    fn of(canvas: HtmlCanvasElement, stage: HtmlElement) -> Option<Self> {
        let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        Some(Self {
            canvas,
            context,
            stage,
            flights: Flights::new(),
            ground: Ground::default(),
            size: Point::default(),
            is_dark: false,
            frames: 0,
            is_clear: true,
        })
    }

    fn launch(&mut self, now: f64, event: &RecordedEvent, shown: Shown) {
        shown.cast.with_value(|cast| {
            let Some(from) = cast.emitter(event) else {
                return;
            };
            let is_there = |to: &Hearer| match to {
                Hearer::ReadModel(_) => true,
                Hearer::Service(at) => cast.services.get(*at).is_some_and(|actor| {
                    let away = shown
                        .service_untracked(&actor.name)
                        .is_some_and(|service| !service.state.is_at_work());
                    !away
                }),
            };
            let to: Vec<(Hearer, bool)> = cast
                .hearers(event)
                .into_iter()
                .map(|to| (to, is_there(&to)))
                .collect();
            let launch = Launch {
                event_type: &event.event_type,
                hue: format::hue_degrees(&event.event_type),
                from,
                to: &to,
            };
            self.flights.launch(now, launch, &self.ground);
        });
    }

    fn pour(&mut self, now: f64, taken: &[(String, i64)], shown: Shown) {
        shown.cast.with_value(|cast| {
            for (name, count) in taken {
                let by_name = |actors: &[crate::stage::cast::Actor]| {
                    actors.iter().position(|actor| actor.name == *name)
                };
                let to = by_name(&cast.services)
                    .map(Hearer::Service)
                    .or_else(|| by_name(&cast.read_models).map(Hearer::ReadModel));
                if let Some(to) = to {
                    let count = u32::try_from(*count).unwrap_or(u32::MAX);
                    self.flights.pour(now, to, count, &self.ground);
                }
            }
        });
    }

    fn draw(&mut self, now: f64) {
        if self.frames.is_multiple_of(MEASURE_EVERY) {
            self.measure();
        }
        self.frames = self.frames.wrapping_add(1);
        self.flights.settle(now);
        if self.flights.is_still() && self.is_clear {
            return;
        }
        self.context.clear_rect(0.0, 0.0, self.size.x, self.size.y);
        self.is_clear = self.flights.is_still();
        let mut hue = None;
        for dot in self.flights.dots(now) {
            if hue != Some(dot.hue) {
                hue = Some(dot.hue);
                self.context
                    .set_fill_style_str(&colour(dot.hue, self.is_dark, 1.0));
            }
            self.dot(dot);
        }
        if self.size.x < NAMES_FROM {
            return;
        }
        self.context
            .set_font("600 17px 'Inter Variable', Inter, system-ui, sans-serif");
        self.context.set_text_align("center");
        self.context.set_text_baseline("middle");
        for name in self.flights.names(now) {
            self.name(&name);
        }
    }

    fn dot(&self, dot: Dot) {
        let radius = 4.5 + f64::from(dot.count).log2() * 1.8;
        self.context.begin_path();
        // Fails for a negative radius only.
        let _ = self.context.arc(
            dot.at.x,
            dot.at.y,
            radius.min(18.0),
            0.0,
            std::f64::consts::TAU,
        );
        self.context.fill();
    }

    fn name(&self, name: &Written<'_>) {
        let words = if name.count > 1 {
            format!("{} ×{}", name.event_type, name.count)
        } else {
            name.event_type.to_owned()
        };
        let wide = self
            .context
            .measure_text(&words)
            .map_or(0.0, |text| text.width());
        let half = wide / 2.0 + 10.0;
        // Whole in the picture, whatever stands at its edge.
        let x = name.at.x.clamp(half, (self.size.x - half).max(half));
        self.context.set_global_alpha(name.strength);
        self.context
            .set_fill_style_str(&colour(name.hue, self.is_dark, 0.25));
        self.context.begin_path();
        let _ =
            self.context
                .round_rect_with_f64(x - half, name.at.y - 13.0, half * 2.0, 26.0, 13.0);
        self.context.fill();
        self.context
            .set_fill_style_str(if self.is_dark { "white" } else { "black" });
        let _ = self.context.fill_text(&words, x, name.at.y);
        self.context.set_global_alpha(1.0);
    }

    /// Where everything is now.
    fn measure(&mut self) {
        let stage = self.stage.get_bounding_client_rect();
        let at = |element: &web_sys::Element, is_bottom: bool| {
            let rect = element.get_bounding_client_rect();
            Point {
                x: rect.left() - stage.left() + rect.width() / 2.0,
                y: if is_bottom { rect.bottom() } else { rect.top() } - stage.top(),
            }
        };
        let doors = |selector: &str, is_bottom: bool| -> Vec<Point> {
            let Ok(found) = self.stage.query_selector_all(selector) else {
                return Vec::new();
            };
            (0..found.length())
                .filter_map(|index| found.item(index)?.dyn_into().ok())
                .map(|element: web_sys::Element| at(&element, is_bottom))
                .collect()
        };
        let log = self.stage.query_selector(".log").ok().flatten();
        let log_y = log.map_or(0.0, |log| {
            let rect = log.get_bounding_client_rect();
            rect.top() + rect.height() / 2.0 - stage.top()
        });
        let ground = Ground {
            services: doors(".services > article", true),
            read_models: doors(".readers > article", false),
            log_y,
        };
        let ratio = window().device_pixel_ratio().clamp(1.0, RATIO_MAX);
        let size = Point {
            x: stage.width(),
            y: stage.height(),
        };
        if size != self.size {
            self.size = size;
            self.canvas.set_width(pixels(size.x * ratio));
            self.canvas.set_height(pixels(size.y * ratio));
            // A canvas of another size has forgotten this.
            let _ = self.context.scale(ratio, ratio);
        }
        self.ground = ground;
        self.is_dark = is_dark();
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels of a window"
)]
fn pixels(length: f64) -> u32 {
    length.max(1.0) as u32
}

fn now() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

fn colour(hue: u16, is_dark: bool, strength: f64) -> String {
    let (light, chroma) = match (is_dark, hue) {
        (true, NO_HUE) => (0.8, 0.0),
        (false, NO_HUE) => (0.5, 0.0),
        (true, _) => (0.75, 0.14),
        (false, _) => (0.58, 0.16),
    };
    format!("oklch({light} {chroma} {hue} / {strength})")
}

/// Who does not want motion sees the counts.
fn is_calm() -> bool {
    asks("(prefers-reduced-motion: reduce)")
}

fn is_dark() -> bool {
    let root = document().document_element();
    let theme = root.and_then(|root| root.get_attribute("data-theme"));
    theme.map_or_else(
        || asks("(prefers-color-scheme: dark)"),
        |theme| theme == "dark",
    )
}

fn asks(query: &str) -> bool {
    let asked = window().match_media(query).ok().flatten();
    asked.is_some_and(|query| query.matches())
}
