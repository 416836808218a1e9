//! Beside the picture of the flow map: the places as a list, what was picked, and all steps as a table.

use std::cmp::Reverse;

use highwater_model::filter::quoted;
use highwater_model::{FlowMapEdge, FlowMapPlace};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::flow_map::link;
use super::href_with;
use crate::api::escape;
use crate::components::TypeName;
use crate::components::command::Command;
use crate::components::map_picture::{Picked, Seen, hears, per_minute, places, waits};
use crate::format;

const EXAMPLE: &str = "curl http://127.0.0.1:3000/api/streams/payment-1/events --json '[{\"type\":\"PaymentCaptured\",\"data\":{},\"metadata\":{\"service\":\"payments\",\"causation_id\":\"ID-OF-THE-EVENT-THAT-WAS-HANDLED\"}}]'";

/// No event in this time.
pub(super) fn nothing_yet() -> AnyView {
    view! {
        <div class="notice">
            <p>
                "No event was recorded in this time: choose a longer one, or append some. The map is learned from events whose metadata says \
                which service emitted them, and which event it handled then:"
            </p>
            <Command text=EXAMPLE />
        </div>
    }
    .into_any()
}

/// Everybody who emits, with the rate and what waits.
pub(super) fn places_view(seen: &Seen, picked: &Picked, query: &ParamsMap) -> AnyView {
    let (map, _, subscriptions) = seen;
    let items: Vec<AnyView> = places(map)
        .into_iter()
        .map(|place| {
            let here = *picked == Picked::Place(place.name.clone());
            let node = map.nodes.iter().find(|node| node.place == place);
            let rate = per_minute(node.map_or(0, |node| node.events), map);
            let waits = subscriptions
                .iter()
                .find(|one| !place.is_category && one.name == place.name)
                .map(|one| waits(one).1)
                .filter(|words| !words.is_empty())
                .map(|words| format!(" · {words}"));
            let href = link(query, &Picked::Place(place.name.clone()));
            let category = place.is_category.then_some("category ");
            view! {
                <li>
                    <a class="pill" href=href data-noscroll="" aria-current=here.then_some("true")>
                        <span class="mono">{category} {place.name}</span>
                        <span>{rate} {waits}</span>
                    </a>
                </li>
            }
            .into_any()
        })
        .collect();
    view! {
        <ul class="map-places" aria-label="Who emits events">
            {items}
        </ul>
    }
    .into_any()
}

/// What was picked: what is handled and emitted there, and where it leads to.
pub(super) fn picked_view(seen: &Seen, picked: &Picked, query: &ParamsMap) -> AnyView {
    let (map, models, subscriptions) = seen;
    let (title, edges): (String, Vec<&FlowMapEdge>) = match picked {
        Picked::Nothing => return ().into_any(),
        Picked::Place(at) => (
            at.clone(),
            map.edges
                .iter()
                .filter(|edge| edge.to.name == *at)
                .collect(),
        ),
        Picked::Line(from, to) => (
            format!("{from} → {to}"),
            map.edges
                .iter()
                .filter(|edge| edge.from.name == *from && edge.to.name == *to)
                .collect(),
        ),
    };
    let mut leads: Vec<AnyView> = Vec::new();
    if let Picked::Place(at) = picked {
        let node = map.nodes.iter().find(|node| node.place.name == *at);
        if let Some(place) = places(map).into_iter().find(|place| place.name == *at) {
            leads.push(lead(
                format!("/live?filter={}", escape(&filter(&place))),
                "Its events",
            ));
        }
        if subscriptions.iter().any(|one| one.name == *at) {
            leads.push(lead(
                format!("/subscriptions/{}", escape(at)),
                "Its subscription",
            ));
        }
        for model in models {
            if node.is_some_and(|node| hears(&model.types(), node)) {
                let href = format!("/read-models/{}", escape(&model.name));
                leads.push(lead(href, &format!("Read by {}", model.name)));
            }
        }
    }
    let close = link(query, &Picked::Nothing);
    let steps = if edges.is_empty() {
        view! { <p class="dim">"Nothing here follows from another event in this time."</p> }
            .into_any()
    } else {
        table(seen, &edges, query, "What is handled, and what comes of it")
    };
    view! {
        <section class="card map-picked" aria-label="Picked">
            <div class="bar">
                <h2 class="mono">{title}</h2>
                {leads}
                <span class="grow"></span>
                <a class="pill" href=close data-noscroll="">
                    "Close"
                </a>
            </div>
            {steps}
        </section>
    }
    .into_any()
}

fn lead(href: String, words: &str) -> AnyView {
    view! {
        <a class="pill" href=href>
            {words.to_owned()}
        </a>
    }
    .into_any()
}

/// The filter line that lets through what a place emits.
fn filter(place: &FlowMapPlace) -> String {
    if place.is_category {
        format!("category:{}", quoted(&place.name))
    } else {
        format!("metadata.service:{}", quoted(&place.name))
    }
}

/// Every step of the map.
pub(super) fn steps_view(seen: &Seen, query: &ParamsMap) -> AnyView {
    let edges: Vec<&FlowMapEdge> = seen.0.edges.iter().collect();
    let order = query.get("order").unwrap_or_default();
    let links: Vec<AnyView> = [("", "the most frequent"), ("slowest", "the slowest")]
        .into_iter()
        .map(|(value, words)| {
            let href = href_with("/flow-map", query, &[("order", value)]);
            view! {
                <a class="pill" href=href data-noscroll="" aria-current=(order == value).then_some("true")>
                    {words}
                </a>
            }
            .into_any()
        })
        .collect();
    let steps = if edges.is_empty() {
        view! {
            <div class="notice">
                <p>"No event of this time names its cause. Writers give it in an event's metadata:"</p>
                <Command text=EXAMPLE />
            </div>
        }
        .into_any()
    } else {
        table(seen, &edges, query, "Steps of the flow map")
    };
    view! {
        <div class="bar flow-choices">
            <h2>"Steps"</h2>
            <span class="dim">"first"</span>
            {links}
        </div>
        {steps}
    }
    .into_any()
}

fn table(seen: &Seen, edges: &[&FlowMapEdge], query: &ParamsMap, label: &'static str) -> AnyView {
    let mut edges = edges.to_vec();
    if query.get("order").as_deref() == Some("slowest") {
        edges.sort_by_key(|edge| Reverse(edge.p95_ms));
    }
    let rows: Vec<AnyView> = edges
        .into_iter()
        .map(|edge| {
            let line = Picked::Line(edge.from.name.clone(), edge.to.name.clone());
            let words = format!("{} → {}", edge.from.name, edge.to.name);
            let events = format!("{} type:{}", filter(&edge.to), quoted(&edge.emitted));
            view! {
                <tr>
                    <td>
                        <a class="mono" href=link(query, &line) data-noscroll="">
                            {words}
                        </a>
                    </td>
                    <td>
                        <TypeName name=edge.handled.clone() />
                    </td>
                    <td>
                        <TypeName name=edge.emitted.clone() />
                    </td>
                    <td class="n">
                        <a href=format!("/live?filter={}", escape(&events))>{format::number(edge.events)}</a>
                    </td>
                    <td class="n">{per_minute(edge.events, &seen.0)}</td>
                    <td class="n">{format::span(edge.p50_ms)}</td>
                    <td class="n">{format::span(edge.p95_ms)}</td>
                    <td>
                        <a href=format!("/events/{}", edge.newest)>"newest"</a>
                    </td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <div class="card scroll whole" tabindex="0" role="region" aria-label=label>
            <table>
                <thead>
                    <tr>
                        <th>"from → to"</th>
                        <th>"handled"</th>
                        <th>"emitted"</th>
                        <th class="n">"events"</th>
                        <th class="n">"rate"</th>
                        <th class="n">"p50"</th>
                        <th class="n">"p95"</th>
                        <th>"event"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
