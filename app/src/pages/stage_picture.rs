//! Draws what flies on the Stage: a canvas behind the cards, a frame at a time, and nothing while nothing moves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_model::RecordedEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};

use super::stage_ground::{self, Laid};
use super::stage_record;
use super::stage_scene::Shown;
use super::stage_stamps::{Stamps, colour};
use crate::format;
use crate::stage::cast::Hearer;
use crate::stage::flights::{Flights, Launch, Written};

/// The ground is measured again after so many frames: cards grow, windows change.
const MEASURE_EVERY: u32 = 30;
/// Counts are shown anew at most this often: nobody reads faster, and each draws a piece of the page anew.
const COUNTS_APART: Duration = Duration::from_millis(250);

/// In a narrower picture, in pixels, there is no room for names.
const NAMES_FROM: f64 = 760.0;

/// What is drawn, and where.
struct Painter {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    stage: HtmlElement,
    flights: Flights,
    laid: Laid,
    stamps: Stamps,
    is_dark: bool,
    frames: u32,
    is_clear: bool,
}

thread_local! {
    // What a browser draws with can't be dropped by another thread, so the page's signals don't hold it: on the server they end anywhere.
    static PAINTER: RefCell<Option<Painter>> = const { RefCell::new(None) };
    // Events that each has emitted, by name, which the cards do not show yet.
    static COUNTED: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
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
    on_cleanup(|| {
        PAINTER.set(None);
        COUNTED.take();
    });
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

/// Counts who has emitted how many; what is shown of it follows in a moment.
fn count(shown: Shown, events: &[Arc<RecordedEvent>]) {
    shown.cast.with_value(|cast| {
        COUNTED.with_borrow_mut(|counted| {
            let is_told = !counted.is_empty();
            for event in events {
                if let Some(actor) = cast.emitter(event).and_then(|at| cast.services.get(at)) {
                    *counted.entry(actor.name.clone()).or_default() += 1;
                }
            }
            if !is_told && !counted.is_empty() {
                set_timeout(move || tell_counts(shown), COUNTS_APART);
            }
        });
    });
}

fn tell_counts(shown: Shown) {
    let counted = COUNTED.take();
    // None when this Stage has gone meanwhile.
    let _ = shown.emitted.try_update(|emitted| {
        for (name, count) in counted {
            *emitted.entry(name).or_default() += count;
        }
    });
}

/// One frame, and then the next, as long as this Stage is there.
fn frame(shown: Shown) {
    request_animation_frame(move || {
        if shown.cast.try_with_value(|_| ()).is_some() {
            with_painter(|painter| {
                painter.draw(now());
                stage_record::frame(&painter.canvas, &painter.stage, &painter.laid);
            });
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
            laid: Laid::default(),
            stamps: Stamps::default(),
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
            self.flights.launch(now, launch, &self.laid.ground);
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
                    self.flights.pour(now, to, count, &self.laid.ground);
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
        let laid = &self.laid;
        self.context
            .clear_rect(0.0, laid.top, laid.width, laid.height);
        self.is_clear = self.flights.is_still();
        for dot in self.flights.dots(now) {
            self.stamps.dot(&self.context, dot, self.is_dark);
        }
        if self.laid.width < NAMES_FROM {
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
        let x = name.at.x.clamp(half, (self.laid.width - half).max(half));
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
        let laid = stage_ground::measure(&self.stage);
        let place = |laid: &Laid| (laid.width, laid.top, laid.height);
        if place(&laid) != place(&self.laid) {
            let ratio = stage_ground::ratio();
            stage_ground::lay(&self.canvas, &laid, ratio);
            // A canvas of another size has forgotten this.
            let _ = self.context.scale(ratio, ratio);
            let _ = self.context.translate(0.0, -laid.top);
            self.stamps = Stamps::of(ratio);
            self.is_clear = true;
        }
        self.laid = laid;
        self.is_dark = is_dark();
    }
}

fn now() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// Who does not want motion sees the counts.
pub(super) fn is_calm() -> bool {
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
