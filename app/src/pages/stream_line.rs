//! The timeline of one stream.

use std::fmt::Write;

use highwater_model::StreamTimeline;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::stream_history::{At, Link};
use super::stream_steps::Steps;
use crate::components::pick::Pick;
use crate::components::timeline::{self, Axis};
use crate::components::{TypeName, zone};
use crate::format;

/// Types that the legend names.
const LEGEND: usize = 8;
/// A drag that is shorter than this part of the line is a click.
const CLICK: f64 = 0.008;

/// The timeline: a click goes to the nearest event, a drag shows the events between its ends.
pub(super) fn line(drawn: Memo<StreamTimeline>, at: Memo<At>, link: Link) -> AnyView {
    let zone = zone();
    let span = move |which: bool| {
        let (from, to) = drawn.with(timeline::ends)?;
        let at = if which { from } else { to };
        Some(format::date_time(at, zone.at(at)))
    };
    let last = Memo::new(move |_| drawn.with(|drawn| drawn.last_version.0));
    let here = Memo::new(move |_| at.get().version.unwrap_or(last.get()).min(last.get()));
    let drawing = move || drawn.with(|drawn| timeline::svg(drawn, at.get().axis, here.get()));
    let navigate = use_navigate();
    let picked = Callback::new(move |(low, high): (f64, f64)| {
        let axis = at.get_untracked().axis;
        let changes = drawn.with_untracked(|drawn| pick(drawn, axis, low, high));
        if let Some(changes) = changes {
            let options = NavigateOptions {
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&link.run(changes), options);
        }
    });
    let zoomed = move || drawn.with(|drawn| drawn.from.0 > 0 || drawn.to != drawn.last_version);
    let all = move || {
        zoomed().then(|| {
            view! {
                <a class="pill" href=link.run(vec![("zoom", String::new())]) data-noscroll="">
                    "All events"
                </a>
            }
        })
    };
    let axes = move || {
        [
            ("", Axis::Time, "by time"),
            ("even", Axis::Even, "one by one"),
        ]
        .map(|(value, axis, words)| {
            view! {
                <a
                    class="pill"
                    href=link.run(vec![("axis", value.to_owned())])
                    data-noscroll=""
                    aria-current=(at.get().axis == axis).then_some("true")
                >
                    {words}
                </a>
            }
        })
    };
    view! {
        <div class="bar">
            <h2>"Timeline"</h2>
            <span class="dim">{move || drawn.with(words)}</span>
            <span class="grow"></span>
            {all}
            {axes}
        </div>
        <Pick class="line" title="Click: the state after this event. Drag: only the events between." picked>
            <div inner_html=drawing></div>
        </Pick>
        <div class="bar ends">
            <span class="mono">{move || span(true)}</span>
            <span class="legend">{move || drawn.with(|drawn| legend(timeline::types(&drawn.marks)))}</span>
            <span class="mono">{move || span(false)}</span>
        </div>
        <Steps
            version=here.into()
            last
            link
            stride=Memo::new(move |_| drawn.with(|drawn| drawn.every))
        />
    }
    .into_any()
}

/// The types by their colours, those with the most marks.
pub(super) fn legend(types: Vec<(String, usize)>) -> AnyView {
    let more = types.len().saturating_sub(LEGEND);
    let more = (more > 0).then(|| format!("and {more} more"));
    let names = types
        .into_iter()
        .take(LEGEND)
        .map(|(name, _)| view! { <TypeName name /> })
        .collect_view();
    view! { {names} {more} }.into_any()
}

/// What a click or a drag asks for: the event nearest to it, or the events in it.
fn pick(
    drawn: &StreamTimeline,
    axis: Axis,
    low: f64,
    high: f64,
) -> Option<Vec<(&'static str, String)>> {
    let places = timeline::places(drawn, axis);
    if high - low < CLICK {
        let mark = timeline::nearest(&places, high)?;
        return Some(vec![("version", drawn.marks[mark].version.to_string())]);
    }
    let inside = || {
        let marks = drawn.marks.iter().zip(&places);
        marks
            .filter(|(_, place)| (low..=high).contains(*place))
            .map(|(mark, _)| mark.version.0)
    };
    let (first, last) = inside().min().zip(inside().max())?;
    Some(vec![("zoom", format!("{first}-{last}"))])
}

/// What the timeline shows and what it leaves out.
fn words(drawn: &StreamTimeline) -> String {
    let shown = drawn.to.0 - drawn.from.0 + 1;
    let all = drawn.last_version.0 + 1;
    let mut words = if shown == all {
        format!("{} events", format::number(all))
    } else {
        format!(
            "versions {} to {} of {}",
            format::number(drawn.from.0),
            format::number(drawn.to.0),
            format::number(drawn.last_version.0)
        )
    };
    if drawn.every > 1 {
        // Writing into a text does not fail.
        let _ = write!(words, ", one mark for {}", format::number(drawn.every));
    }
    match timeline::running_back(drawn) {
        0 => {}
        1 => words += "; one says that it happened before the one before it",
        more => {
            let _ = write!(
                words,
                "; {more} say that they happened before the one before them"
            );
        }
    }
    words
}
