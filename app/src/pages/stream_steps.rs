//! Steps through the versions of a stream: by keys, by hand, by themselves.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use crate::format;

/// Events a second, at choice.
const SPEEDS: [u32; 4] = [1, 2, 5, 20];

/// Buttons, a slider, keys, and play.
#[component]
pub fn Steps(
    /// The version that is shown.
    version: Signal<i64>,
    /// The newest one.
    last: Memo<i64>,
    /// The link to this page with a part of its query changed.
    link: Callback<Vec<(&'static str, String)>, String>,
    /// Versions that ⇧ steps over: those between two marks.
    stride: Memo<i64>,
) -> impl IntoView {
    let navigate = use_navigate();
    let go = Callback::new(move |to: i64| {
        let to = to.clamp(0, last.get_untracked());
        if to != version.get_untracked() {
            let options = NavigateOptions {
                // To step is not to visit: Back leaves the page, not the version.
                replace: true,
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&link.run(vec![("version", to.to_string())]), options);
        }
    });
    let href = move |to: i64| link.run(vec![("version", to.clamp(0, last.get()).to_string())]);
    let keys = move |event: leptos::ev::KeyboardEvent| {
        // The choice of a speed has keys of its own.
        let chooses = event_target::<web_sys::Element>(&event).tag_name() == "SELECT";
        if chooses || event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let wide = if event.shift_key() {
            stride.get_untracked().max(10)
        } else {
            1
        };
        let now = version.get_untracked();
        let to = match event.key().as_str() {
            "ArrowLeft" => now - wide,
            "ArrowRight" => now + wide,
            "Home" => 0,
            "End" => last.get_untracked(),
            _ => return,
        };
        event.prevent_default();
        go.run(to);
    };
    let slider = NodeRef::<html::Input>::new();
    let slide = move |_| {
        if let Some(to) = slider
            .get_untracked()
            .and_then(|slider| slider.value().parse().ok())
        {
            go.run(to);
        }
    };
    let step = move |to: fn(i64, i64) -> i64, label: &'static str, sign: &'static str| {
        view! {
            <a
                class="button"
                href=move || href(to(version.get(), last.get()))
                data-noscroll=""
                aria-label=label
                title=label
            >
                {sign}
            </a>
        }
    };
    view! {
        <div class="stepper" role="group" aria-label="Versions" on:keydown=keys>
            {step(|_, _| 0, "First version", "«")}
            {step(|now, _| now - 1, "Version before", "‹")}
            <input
                type="range"
                node_ref=slider
                min="0"
                max=move || last.get()
                value=version.get_untracked()
                prop:value=move || version.get()
                aria-label="Version"
                on:input=slide
            />
            {step(|now, _| now + 1, "Version after", "›")}
            {step(|_, last| last, "Newest version", "»")}
            <span class="mono">
                {move || format!("version {} of {}", format::number(version.get()), format::number(last.get()))}
            </span>
            <Play version last go />
            <span class="dim keys">"Keys: ← → Home End, with ⇧ further"</span>
        </div>
    }
}

/// Goes from version to version by itself.
#[component]
fn Play(
    /// The version that is shown.
    version: Signal<i64>,
    /// The newest one.
    last: Memo<i64>,
    /// Goes to a version.
    go: Callback<i64>,
) -> impl IntoView {
    let speed = RwSignal::new(2_u32);
    let playing = RwSignal::new(None::<IntervalHandle>);
    let stop = move || {
        if let Some(handle) = playing.get_untracked() {
            handle.clear();
            playing.set(None);
        }
    };
    on_cleanup(stop);
    let start = move || {
        stop();
        if version.get_untracked() >= last.get_untracked() {
            go.run(0);
        }
        let step = move || {
            let Some((now, last)) = version.try_get_untracked().zip(last.try_get_untracked())
            else {
                return;
            };
            if now >= last {
                stop();
            } else {
                go.run(now + 1);
            }
        };
        let every = Duration::from_millis(u64::from(1_000 / speed.get_untracked().max(1)));
        playing.set(set_interval_with_handle(step, every).ok());
    };
    let play = move |_| {
        if playing.get_untracked().is_some() {
            stop();
        } else {
            start();
        }
    };
    let choose = move |event: leptos::ev::Event| {
        speed.set(event_target_value(&event).parse().unwrap_or(2));
        if playing.get_untracked().is_some() {
            start();
        }
    };
    view! {
            <button type="button" on:click=play aria-pressed=move || playing.get().is_some().to_string()>
                {move || if playing.get().is_some() { "Pause" } else { "Play" }}
            </button>
            <label class="speed">
                <span class="dim">"at"</span>
                <select aria-label="Events a second" on:change=choose>
                    {SPEEDS
                        .map(|each| {
                            view! {
                                <option value=each.to_string() selected=each == 2>
                                    {format!("{each}/s")}
                                </option>
                            }
                        })}
                </select>
            </label>
    }
}
