//! The rewind: a past range of the log on the Stage, as a film. Everything comes from the log, and it says so.

use std::sync::Arc;
use std::time::Duration;

use highwater_model::{Histogram, RecordedEvent};
use jiff::{SignedDuration, Timestamp};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::stage_scene::Shown;
use crate::api::{Api, LogRequest};
use crate::components::zone;
use crate::format;
use crate::live::Live;
use crate::stage::reel::{Reel, Want};

/// A film of the log.
type Film = RwSignal<Reel<Arc<RecordedEvent>>>;

/// How often it goes on, in milliseconds: what flies moves in each frame anyway.
const TICK_MS: u32 = 50;
/// Events of one read.
const PAGE: usize = 500;
/// Speeds that are offered.
const SPEEDS: [f64; 6] = [0.1, 1.0, 5.0, 10.0, 30.0, 100.0];
/// A film lasts about so long, in seconds, unless somebody says otherwise.
const LASTS_S: f64 = 60.0;
/// Bars over the slider.
const BARS: usize = 120;
/// What can be rewound to by one click: minutes, and the words.
const BACK: [(i64, &str); 4] = [
    (10, "the last 10 minutes"),
    (60, "the last hour"),
    (24 * 60, "the last day"),
    (7 * 24 * 60, "the last week"),
];

/// Leads to the films.
#[component]
pub fn Rewind() -> impl IntoView {
    let live = expect_context::<Live>();
    let navigate = use_navigate();
    let choose = move |event| {
        let minutes: Option<i64> = event_target_value(&event).parse().ok();
        let now = live
            .mark
            .with_untracked(|mark| mark.as_ref().map(|mark| mark.seen_at));
        let film = minutes.zip(now).and_then(|(minutes, now)| {
            let since = now.checked_sub(SignedDuration::from_mins(minutes)).ok()?;
            Some(format!("/stage?since={since}&until={now}"))
        });
        if let Some(film) = film {
            navigate(&film, NavigateOptions::default());
        }
    };
    let options: Vec<AnyView> = BACK
        .into_iter()
        .map(|(minutes, words)| {
            view! { <option value=minutes.to_string()>{words}</option> }.into_any()
        })
        .collect();
    view! {
        <label class="slide">
            "Rewind"
            <select on:change=choose>
                <option value="" selected=true>
                    "nothing, this is now"
                </option>
                {options}
            </select>
        </label>
    }
    .into_any()
}

/// The film, and what leads it.
#[component]
pub fn FilmControls(
    /// The Stage.
    shown: Shown,
    /// Where it begins.
    since: Timestamp,
    /// Where it ends.
    until: Timestamp,
    /// How much happened when; none when it could not be read.
    histogram: Option<Histogram>,
) -> impl IntoView {
    let (from, to) = (milliseconds(since), milliseconds(until));
    let film: Film = RwSignal::new(Reel::new(from, to, usual_speed(from, to)));
    let failed = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        let go_on = move || tick(shown, film, failed);
        let every = Duration::from_millis(u64::from(TICK_MS));
        if let Ok(handle) = set_interval_with_handle(go_on, every) {
            on_cleanup(move || handle.clear());
        }
    });
    let zone = zone();
    let told = move |at: Timestamp| format::date_time(at, zone.at(at));
    let at = Memo::new(move |_| film.with(Reel::at));
    let is_playing = Memo::new(move |_| film.with(Reel::is_playing));
    let state = Memo::new(move |_| film.with(|film| (film.is_over(), film.is_waiting())));
    let leapt = Memo::new(move |_| film.with(Reel::leapt));
    let slide = move |event| {
        if let Ok(to) = event_target_value(&event).parse() {
            film.update(|film| film.jump(to));
        }
    };
    let speed = Memo::new(move |_| film.with(Reel::speed));
    let speeds: Vec<AnyView> = SPEEDS
        .into_iter()
        .map(|offered| {
            view! {
                <option value=offered.to_string() selected=move || (speed.get() - offered).abs() < 0.01>
                    {format!("{offered} ×")}
                </option>
            }
            .into_any()
        })
        .collect();
    let change = move |event| {
        if let Ok(speed) = event_target_value(&event).parse() {
            film.update(|film| film.set_speed(speed));
        }
    };
    view! {
        <section class="playing film" aria-label="Recording">
            <p class="caption">
                <b class="rec">"● Recording"</b>
                " "
                {move || told(moment(at.get()))}
            </p>
            <p role="status" class="dim">
                {move || match (failed.get(), state.get()) {
                    (Some(why), _) => why,
                    (None, (true, _)) => "That was all of it.".to_owned(),
                    (None, (_, true)) => "Reading the log…".to_owned(),
                    (None, _) => match leapt.get() {
                        Some(over) => format!("Nothing happened for {}.", format::span(whole(over))),
                        None => format!("What happened from {} to {}.", told(since), told(until)),
                    },
                }}
            </p>
            {histogram.map(|histogram| bars(&histogram))}
            <input
                type="range"
                aria-label="Moment of the recording"
                aria-valuetext=move || told(moment(at.get()))
                min=from
                max=to
                step="1"
                prop:value=move || at.get().to_string()
                value=from.to_string()
                on:input=slide
            />
            <div class="bar">
                <button type="button" on:click=move |_| film.update(|film| film.play(!film.is_playing()))>
                    {move || if is_playing.get() { "❚❚ Pause" } else { "▶ Play" }}
                </button>
                <label class="slide">"Speed" <select on:change=change>{speeds}</select></label>
                <a class="button quiet" href="/stage">
                    "Back to now"
                </a>
            </div>
        </section>
    }
    .into_any()
}

/// A moment later.
fn tick(shown: Shown, film: Film, failed: RwSignal<Option<String>>) {
    // Nothing is told of a film that stands still.
    let is_moving = film.try_with_untracked(|film| film.is_playing() && !film.is_over());
    if is_moving == Some(true) {
        let due = film.try_update(|film| film.pass(f64::from(TICK_MS)));
        if let Some(due) = due.filter(|due| !due.is_empty()) {
            shown.fresh.set(due);
        }
    }
    let want = film.try_update_untracked(Reel::want).flatten();
    if let Some(want) = want {
        let until = film.with_untracked(|film| film.range().1);
        leptos::task::spawn_local(async move { read(film, want, until, failed).await });
    }
}

async fn read(film: Film, want: Want, until: f64, failed: RwSignal<Option<String>>) {
    let request = LogRequest {
        after: want.after,
        limit: PAGE,
        filter: format!("since:{} until:{}", moment(want.since), moment(until)),
        ..LogRequest::default()
    };
    match Api::from_context().events(&request).await {
        Ok(page) => {
            let next = page.next.map(|next| next.0);
            let timed = |event: RecordedEvent| (milliseconds(event.recorded_at), Arc::new(event));
            let events = page.events.into_iter().map(timed).collect();
            let _ = film.try_update(|film| film.take(want, events, next));
            let _ = failed.try_set(None);
        }
        Err(error) => {
            // The next moment asks again; what it showed stays.
            let _ = film.try_update_untracked(|film| film.miss(want));
            let _ = failed.try_set(Some(error.to_string()));
        }
    }
}

/// How much happened when, over the slider.
fn bars(histogram: &Histogram) -> AnyView {
    let most = histogram.buckets.iter().map(|bucket| bucket.count).max();
    let most = most.unwrap_or(0).max(1);
    let wide = histogram.buckets.len();
    let bars: Vec<AnyView> = histogram
        .buckets
        .iter()
        .enumerate()
        .map(|(at, bucket)| {
            let high = if bucket.count == 0 {
                0
            } else {
                (bucket.count * 40 / most).max(1)
            };
            view! { <rect x=at.to_string() y=(40 - high).to_string() width="0.8" height=high.to_string() /> }
                .into_any()
        })
        .collect();
    view! {
        <svg class="rate" viewBox=format!("0 0 {wide} 40") preserveAspectRatio="none" aria-hidden="true">
            {bars}
        </svg>
    }
    .into_any()
}

/// How much happened when, for the bars over the slider; a film without them is one all the same.
pub(super) async fn rates(api: &Api, since: Timestamp, until: Timestamp) -> Option<Histogram> {
    api.histogram(since, until, BARS, "").await.ok()
}

fn milliseconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact until the year 287,396")]
    let milliseconds = at.as_millisecond() as f64;
    milliseconds
}

fn whole(milliseconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "as it came")]
    let milliseconds = milliseconds as i64;
    milliseconds
}

fn moment(milliseconds: f64) -> Timestamp {
    Timestamp::from_millisecond(whole(milliseconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The slowest of the offered speeds at which it lasts no longer than it should.
fn usual_speed(from: f64, to: f64) -> f64 {
    let needed = (to - from) / 1_000.0 / LASTS_S;
    let enough = SPEEDS
        .into_iter()
        .find(|speed| *speed >= 1.0 && *speed >= needed);
    enough.unwrap_or(100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_last_one_and_a_day_is_as_fast_as_can_be_followed() {
        let minutes = |minutes: f64| usual_speed(0.0, minutes * 60_000.0);
        assert!((minutes(10.0) - 10.0).abs() < 0.01);
        assert!((minutes(0.5) - 1.0).abs() < 0.01);
        assert!((minutes(24.0 * 60.0) - 100.0).abs() < 0.01);
    }

    #[test]
    fn a_moment_is_the_same_there_and_back() {
        let at: Timestamp = "2026-11-26T22:10:00.123Z".parse().unwrap();
        assert_eq!(moment(milliseconds(at)), at);
    }
}
