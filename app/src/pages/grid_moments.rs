//! Steps from event to event over all streams of the grid, and the events around the moment.

use jiff::Timestamp;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use leptos_router::params::ParamsMap;

use super::grid_lanes::{Lane, Window, events, link};
use crate::components::{Time, TypeName, zone};
use crate::format;

/// Rows of the table before and after the moment.
const AROUND: usize = 20;

/// Goes from one event to the next, of whichever stream.
#[component]
pub fn Moments(
    /// The streams.
    lanes: StoredValue<Vec<Lane>>,
    /// The time that is shown.
    window: Window,
    /// The moment that is looked at.
    at: Memo<Timestamp>,
) -> impl IntoView {
    let query = use_query_map();
    let zone = zone();
    // Moments at which something happened, each once.
    let moments = lanes.with_value(|lanes| {
        let mut moments: Vec<Timestamp> = events(lanes, window)
            .iter()
            .map(|(_, mark)| mark.occurred_at)
            .collect();
        moments.dedup();
        StoredValue::new(moments)
    });
    let to = move |step: Step| {
        let now = at.get();
        moments.with_value(|moments| {
            let found = match step {
                Step::First => moments.first(),
                Step::Before => moments.iter().rev().find(|moment| **moment < now),
                Step::After => moments.iter().find(|moment| **moment > now),
                Step::Last => moments.last(),
            };
            link(query, &[("at", &found.unwrap_or(&now).to_string())])
        })
    };
    let navigate = use_navigate();
    let keys = move |event: leptos::ev::KeyboardEvent| {
        if event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let step = match event.key().as_str() {
            "ArrowLeft" => Step::Before,
            "ArrowRight" => Step::After,
            "Home" => Step::First,
            "End" => Step::Last,
            _ => return,
        };
        event.prevent_default();
        let options = NavigateOptions {
            // To step is not to visit: Back leaves the page, not the moment.
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&untrack(|| to(step)), options);
    };
    let button = move |step: Step, label: &'static str, sign: &'static str| {
        view! {
            <a class="button" href=move || to(step) data-noscroll="" aria-label=label title=label>
                {sign}
            </a>
        }
    };
    view! {
        <div class="stepper" role="group" aria-label="Moments" on:keydown=keys>
            {button(Step::First, "First event", "«")}
            {button(Step::Before, "Event before", "‹")}
            {button(Step::After, "Event after", "›")}
            {button(Step::Last, "Last event", "»")}
            <span class="mono" role="status">
                {move || format::date_time(at.get(), zone.at(at.get()))}
            </span>
            <span class="dim keys">"Keys: ← → Home End"</span>
        </div>
    }
    .into_any()
}

/// Where a step leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    First,
    Before,
    After,
    Last,
}

/// The events around the moment, in the order in which they happened.
pub(super) fn around(
    lanes: &[Lane],
    window: Window,
    at: Timestamp,
    query: Memo<ParamsMap>,
) -> AnyView {
    let all = events(lanes, window);
    let here = all.partition_point(|(_, mark)| mark.occurred_at < at);
    let first = here.saturating_sub(AROUND);
    let part = all.iter().skip(first).take(2 * AROUND + 1);
    let rows: Vec<AnyView> = part
        .map(|(lane, mark)| {
            let stream = lanes[*lane].stream.clone();
            let now = mark.occurred_at == at;
            let to = link(query, &[("at", &mark.occurred_at.to_string())]);
            view! {
                <tr aria-current=now.then_some("true")>
                    <td class="mono">
                        <a href=to data-noscroll="">
                            <Time at=mark.occurred_at />
                        </a>
                    </td>
                    <td class="mono">{stream}</td>
                    <td>
                        <a href=format!("/events/{}", mark.id)>
                            <TypeName name=mark.event_type.clone() />
                        </a>
                    </td>
                    <td class="n">{format::number(mark.version.0)}</td>
                    <td class="n">{format::number(mark.position.0)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <div class="card scroll whole" tabindex="0" role="region" aria-label="Events around this moment">
            <table class="moments">
                <thead>
                    <tr>
                        <th>"occurred"</th>
                        <th>"stream"</th>
                        <th>"type"</th>
                        <th class="n">"version"</th>
                        <th class="n">"position"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
