//! How customers of the demo shop order: how many, and how they come.

use highwater_model::Right;
use highwater_model::demo::{Traffic, TrafficPattern};
use leptos::prelude::*;

use super::stage_scene::Shown;
use crate::api::Api;
use crate::components::may::Needs;

/// The most that the slider offers; the API takes more.
const SLIDER_MAX: f64 = 10.0;

/// The control.
#[component]
pub fn TrafficControl(
    /// The Stage.
    shown: Shown,
) -> impl IntoView {
    let traffic = Memo::new(move |_| {
        shown
            .demo
            .with(|demo| demo.as_ref().map(|demo| demo.traffic))
            .unwrap_or(Traffic {
                orders_per_second: 0.0,
                pattern: TrafficPattern::Steady,
            })
    });
    let set = move |wanted: Traffic| {
        leptos::task::spawn_local(async move {
            let failed = Api::from_context().set_traffic(&wanted).await.err();
            let _ = shown.failed.try_set(failed.map(|error| error.to_string()));
            shown.ask_demo();
        });
    };
    let slide = move |event| {
        if let Ok(orders_per_second) = event_target_value(&event).parse() {
            set(Traffic {
                orders_per_second,
                ..traffic.get_untracked()
            });
        }
    };
    let choose = move |event| {
        set(Traffic {
            pattern: named(&event_target_value(&event)),
            ..traffic.get_untracked()
        });
    };
    let rate = move || traffic.get().orders_per_second;
    let patterns: Vec<AnyView> = PATTERNS
        .into_iter()
        .map(|(pattern, name, words)| {
            let is_chosen = move || traffic.get().pattern == pattern;
            view! {
                <option value=name selected=is_chosen>
                    {words}
                </option>
            }
            .into_any()
        })
        .collect();
    view! {
        <Needs right=Right::Administer quiet=true>
            <label class="slide">
                "Orders"
                <input
                    type="range"
                    min="0"
                    max=SLIDER_MAX
                    step="0.1"
                    aria-valuetext=move || format!("{:.1} orders a second", rate())
                    prop:value=move || rate().to_string()
                    value=rate().to_string()
                    on:change=slide
                />
                <output class="n">{move || format!("{:.1} / s", rate())}</output>
            </label>
            <label class="slide">
                "coming"
                <select on:change=choose>{patterns}</select>
            </label>
        </Needs>
    }
    .into_any()
}

const PATTERNS: [(TrafficPattern, &str, &str); 3] = [
    (TrafficPattern::Steady, "steady", "steadily"),
    (TrafficPattern::Bursty, "bursty", "in bursts"),
    (
        TrafficPattern::BlackFriday,
        "black_friday",
        "as on Black Friday",
    ),
];

fn named(name: &str) -> TrafficPattern {
    let found = PATTERNS.into_iter().find(|pattern| pattern.1 == name);
    found.map_or(TrafficPattern::Steady, |pattern| pattern.0)
}
