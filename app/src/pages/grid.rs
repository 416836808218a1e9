//! Several streams on one axis of time: what happened before what, and what was where at one moment. All of it is in the URL.

use highwater_model::EventHead;
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;

use super::Loading;
use super::grid_lanes::{Lane, Shown, Window, events, link, nearest};
use super::grid_moments::{Moments, around};
use super::stream_line::legend;
use crate::api::{Api, escape};
use crate::components::grid::{Grid, MOST, href};
use crate::components::pick::Pick;
use crate::components::timeline;
use crate::components::{TypeName, zone};
use crate::format;

/// A drag that is shorter than this part of the line is a click.
const CLICK: f64 = 0.008;

/// The grid.
#[component]
pub fn GridPage() -> impl IntoView {
    let query = use_query_map();
    let shown = Memo::new(move |_| query.with(Shown::read));
    let grid = expect_context::<Grid>();
    let navigate = use_navigate();
    Effect::new(move || {
        let streams = shown.with(|shown| shown.streams.clone());
        let collected = grid.streams();
        if !streams.is_empty() {
            grid.set(streams);
        } else if !collected.is_empty() {
            let options = NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            };
            navigate(&href(collected.iter().map(String::as_str)), options);
        }
    });
    let found = Resource::new(
        move || shown.with(|shown| (shown.streams.clone(), shown.since, shown.until)),
        |(streams, since, until)| async move {
            let api = Api::from_context();
            let mut lanes = Vec::new();
            for stream in streams {
                lanes.push(lane(&api, stream, since, until).await);
            }
            Ok::<_, crate::api::ApiError>(lanes)
        },
    );
    view! {
        <Title text="Grid" />
        <h1>"Streams on one axis"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                let lanes = found.await.unwrap_or_default();
                if lanes.is_empty() {
                    view! {
                        <p class="notice">
                            "Nothing is on the grid yet. \"Add to grid\" on the page of a stream, of an event or of a flow, or a tick in the list of streams, collects up to twelve streams; or name one here."
                        </p>
                    }
                        .into_any()
                } else {
                    grid_view(lanes, shown)
                }
            })}
        </Transition>
        {move || shown.with(add_form)}
    }
    .into_any()
}

/// A lane; of a stream that is longer than its marks, the part around what is shown is read once more.
async fn lane(
    api: &Api,
    stream: String,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Lane {
    let mut timeline = api.timeline(&stream, None, None).await;
    if let Ok(rough) = &timeline
        && rough.every > 1
        && (since.is_some() || until.is_some())
    {
        let inside = |mark: &&EventHead| {
            since.is_none_or(|since| mark.occurred_at >= since)
                && until.is_none_or(|until| mark.occurred_at <= until)
        };
        let versions = || rough.marks.iter().filter(inside).map(|mark| mark.version.0);
        if let Some((first, last)) = versions().min().zip(versions().max()) {
            let from = (first - rough.every).max(0);
            let to = last + rough.every;
            timeline = api.timeline(&stream, Some(from), Some(to)).await;
        }
    }
    Lane {
        stream,
        timeline: timeline.map_err(|error| error.to_string()),
    }
}

fn grid_view(lanes: Vec<Lane>, shown: Memo<Shown>) -> AnyView {
    let query = use_query_map();
    let (since, until) = shown.with_untracked(|shown| (shown.since, shown.until));
    let Some(window) = Window::of(&lanes, since, until) else {
        let lanes: Vec<AnyView> = lanes.iter().map(|lane| without(lane, query)).collect();
        return view! { <section class="card history">{lanes}</section> }.into_any();
    };
    let count = events(&lanes, window).len();
    let types = timeline::types(events(&lanes, window).into_iter().map(|(_, mark)| mark));
    let words = format!(
        "{} of {}",
        plural(count, "event"),
        plural(lanes.len(), "stream")
    );
    let lanes = StoredValue::new(lanes);
    let at = Memo::new(move |_| {
        let at = shown.with(|shown| shown.at);
        at.unwrap_or(window.to).clamp(window.from, window.to)
    });
    let navigate = use_navigate();
    let picked = Callback::new(move |(low, high): (f64, f64)| {
        let to = untrack(|| pick(lanes, window, query, low, high));
        if let Some(to) = to {
            let options = NavigateOptions {
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&to, options);
        }
    });
    let zone = zone();
    let all = (since.is_some() || until.is_some()).then(|| {
        view! {
            <a class="pill" href=link(query, &[("since", ""), ("until", ""), ("at", "")]) data-noscroll="">
                "All of the time"
            </a>
        }
    });
    let rows: Vec<AnyView> = lanes.with_value(|lanes| {
        let rows = lanes.iter().enumerate();
        rows.map(|(nth, _)| lane_view(lanes, nth, window, at, picked, query))
            .collect()
    });
    view! {
        <section class="card history grid" aria-label="Timelines">
            <div class="bar">
                <span class="dim">{words}</span>
                <span class="grow"></span>
                {all}
            </div>
            {rows}
            <div class="bar ends">
                <span class="mono">{move || format::date_time(window.from, zone.at(window.from))}</span>
                <span class="legend">{legend(types)}</span>
                <span class="mono">{move || format::date_time(window.to, zone.at(window.to))}</span>
            </div>
            <Moments lanes window at />
        </section>
        {move || lanes.with_value(|lanes| around(lanes, window, at.get(), query))}
    }
    .into_any()
}

fn plural(count: usize, what: &str) -> String {
    let number = format::number(i64::try_from(count).unwrap_or(i64::MAX));
    if count == 1 {
        format!("{number} {what}")
    } else {
        format!("{number} {what}s")
    }
}

/// What a click or a drag asks for: the moment of the event nearest to it, or the time in it.
fn pick(
    lanes: StoredValue<Vec<Lane>>,
    window: Window,
    query: Memo<ParamsMap>,
    low: f64,
    high: f64,
) -> Option<String> {
    if high - low >= CLICK {
        let (since, until) = (
            window.moment(low).to_string(),
            window.moment(high).to_string(),
        );
        return Some(link(
            query,
            &[("since", &since), ("until", &until), ("at", "")],
        ));
    }
    lanes.with_value(|lanes| {
        let all = events(lanes, window);
        let mark = nearest(&all, window.moment(high))?;
        Some(link(query, &[("at", &mark.occurred_at.to_string())]))
    })
}

/// Takes a stream off.
fn off(stream: &str, query: Memo<ParamsMap>) -> AnyView {
    let others = move |stream: &str| {
        query.with(|query| {
            let mut kept = query.clone();
            let streams = kept.remove("stream").unwrap_or_default();
            for other in streams.into_iter().filter(|other| other != stream) {
                kept.insert("stream", other);
            }
            format!("/grid{}", kept.to_query_string())
        })
    };
    let label = format!("Take {stream} off the grid");
    view! {
        <a class="off" href=others(stream) title=label.clone() aria-label=label data-noscroll="">
            "×"
        </a>
    }
    .into_any()
}

/// A stream that is not there.
fn without(lane: &Lane, query: Memo<ParamsMap>) -> AnyView {
    let why = lane.timeline.as_ref().err().cloned();
    let why = why.unwrap_or_else(|| "It has no event in this time.".to_owned());
    view! {
        <div class="bar">
            <b class="mono">{lane.stream.clone()}</b>
            <span class="dim">{why}</span>
            <span class="grow"></span>
            {off(&lane.stream, query)}
        </div>
    }
    .into_any()
}

fn lane_view(
    lanes: &[Lane],
    nth: usize,
    window: Window,
    at: Memo<Timestamp>,
    picked: Callback<(f64, f64)>,
    query: Memo<ParamsMap>,
) -> AnyView {
    let lane = lanes[nth].clone();
    if lane.timeline.is_err() {
        return without(&lane, query);
    }
    let (stream, taken_off) = (lane.stream.clone(), off(&lane.stream, query));
    let stream_href = format!("/streams/{}", escape(&stream));
    let lane = StoredValue::new(lane);
    let drawing = move || {
        let here = window.place(at.get());
        lane.with_value(|lane| {
            let marks = lane.marks().iter();
            let placed = marks.filter_map(|mark| Some((mark, window.place(mark.occurred_at)?)));
            timeline::drawing(placed, here)
        })
    };
    let was = move || {
        lane.with_value(|lane| {
            let Some(mark) = lane.at(at.get()) else {
                return view! { <span class="dim">"nothing yet"</span> }.into_any();
            };
            let rough = lane
                .timeline
                .as_ref()
                .is_ok_and(|timeline| timeline.every > 1);
            let about = if rough { "about " } else { "" };
            let href = format!("/streams/{}?version={}", escape(&lane.stream), mark.version);
            view! {
                <TypeName name=mark.event_type.clone() />
                <a href=href>{format!("state at {about}v{}", mark.version)}</a>
            }
            .into_any()
        })
    };
    view! {
        <div class="lane">
            <div class="bar">
                <a class="mono" href=stream_href>
                    {stream}
                </a>
                {taken_off}
                <span class="grow"></span>
                <span class="was">{was}</span>
            </div>
            <Pick class="line" title="Click: this moment in every stream. Drag: only the time between." picked>
                <div inner_html=drawing></div>
            </Pick>
        </div>
    }
    .into_any()
}

/// Adds a stream by its name. A plain form: the router's makes its address small letters.
fn add_form(shown: &Shown) -> AnyView {
    if shown.streams.len() >= MOST {
        return view! { <p class="dim">{format!("A grid has up to {MOST} streams.")}</p> }
            .into_any();
    }
    let there: Vec<AnyView> = shown
        .streams
        .iter()
        .map(|stream| {
            view! { <input type="hidden" name="stream" value=stream.clone() /> }.into_any()
        })
        .collect();
    view! {
        <form method="get" action="/grid" class="bar">
            {there}
            <label for="add-stream">"Add the stream"</label>
            <input id="add-stream" name="stream" class="mono" placeholder="order-1" autocomplete="off" spellcheck="false" />
            <button>"Add"</button>
            <a href="/streams">"Find one"</a>
        </form>
    }
    .into_any()
}
