//! One event: its facts, its data, what caused it, what it caused.

use highwater_model::{EventWithCauses, HandledBy, RecordedEvent};
use leptos::prelude::*;

use super::copy::{CopyButton, CopyCurl};
use super::grid::AddToGrid;
use super::json_tree::JsonTree;
use super::{Time, TypeName};
use crate::api::escape;
use crate::format;

/// One event.
#[component]
pub fn EventDetail(
    /// The event with its neighbours.
    detail: EventWithCauses,
) -> impl IntoView {
    let EventWithCauses {
        event,
        cause,
        effects,
        handled_by,
    } = detail;
    let known = event.known_metadata();
    let stream = event.stream.to_string();
    let on_grid = stream.clone();
    let stream_href = format!("/streams/{}", escape(&stream));
    let (shown_raw, copied) = raw_json(&event);
    let call = format!("/api/events/{}", event.id);
    let recorded = event.recorded_at;
    let flow = known.correlation_id.map(|correlation| {
        let line = escape(&format!("correlation:{correlation}"));
        view! {
            <dt>"flow"</dt>
            <dd>
                <a href=format!("/flows/{correlation}")>{correlation.to_string()}</a>
                " · "
                <a href=format!("/live?filter={line}")>"its events"</a>
            </dd>
        }
        .into_any()
    });
    let actor = known.actor.map(|actor| {
        let actor = actor
            .as_str()
            .map_or_else(|| actor.to_string(), ToOwned::to_owned);
        view! {
            <dt>"actor"</dt>
            <dd>{actor}</dd>
        }
        .into_any()
    });
    let caused_by = match (cause, known.causation_id) {
        (Some(cause), _) => Some(neighbour(&cause, recorded)),
        (None, Some(id)) => Some(
            view! { <span class="chip mono">{format!("{id}, not in this store")}</span> }
                .into_any(),
        ),
        (None, None) => None,
    };
    let caused = (!effects.is_empty()).then(|| {
        let effects: Vec<AnyView> = effects
            .iter()
            .map(|effect| neighbour(effect, recorded))
            .collect();
        view! {
            <h3>"caused"</h3>
            <div class="chips">{effects}</div>
        }
    });
    view! {
        <h2>
            <TypeName name=event.event_type.clone() />
        </h2>
        <p class="dim">
            <a class="mono" href=stream_href.clone()>
                {stream}
            </a>
            {format!(" · version {}", event.version)}
        </p>
        {facts(&event, actor, flow)}
        <h3>"data"</h3>
        {in_short(&event)}
        <JsonTree json=event.data.get().to_owned() />
        <details class="part">
            <summary>"metadata"</summary>
            <JsonTree json=event.metadata.get().to_owned() />
        </details>
        {caused_by
            .map(|cause| {
                view! {
                    <h3>"caused by"</h3>
                    <div class="chips">{cause}</div>
                }
            })}
        {caused}
        {handlers(handled_by)}
        {shown_raw}
        <div class="bar">
            <a class="button" href=stream_href>
                "Open stream"
            </a>
            <AddToGrid stream=on_grid />
            {copied}
            <CopyCurl path=call />
        </div>
    }
    .into_any()
}

/// The event as JSON, and the button that copies it. Of what is here in short, nothing is given as if it were the event.
fn raw_json(event: &RecordedEvent) -> (Option<AnyView>, Option<AnyView>) {
    if event.data_bytes.is_some() {
        return (None, None);
    }
    let raw = serde_json::to_string_pretty(event).unwrap_or_default();
    let shown = view! {
        <details class="part">
            <summary>"raw JSON"</summary>
            <pre tabindex="0">{raw.clone()}</pre>
        </details>
    };
    let text = move |()| raw.clone();
    let copied = view! { <CopyButton label="Copy JSON" text refused="The browser refused; select the raw JSON above" /> };
    (Some(shown.into_any()), Some(copied.into_any()))
}

/// What is not shown of long data, and where it is.
fn in_short(event: &RecordedEvent) -> Option<AnyView> {
    let bytes = event.data_bytes?;
    let href = format!("/api/events/{}", event.id);
    Some(
        view! {
            <p class="notice">
                {format!("The data has {}; this is what it says in short. ", format::bytes(bytes))}
                <a href=href rel="external">"The whole event as JSON"</a>
            </p>
        }
        .into_any(),
    )
}

fn facts(event: &RecordedEvent, actor: Option<AnyView>, flow: Option<AnyView>) -> AnyView {
    let id = event.id.to_string();
    let href = format!("/events/{id}");
    view! {
        <dl class="facts">
            <dt>"position"</dt>
            <dd>{format::number(event.position.0)}</dd>
            <dt>"id"</dt>
            <dd>
                <a href=href>{id}</a>
            </dd>
            <dt>"recorded"</dt>
            <dd>
                <Time at=event.recorded_at />
            </dd>
            <dt>"occurred"</dt>
            <dd>
                <Time at=event.occurred_at />
            </dd>
            {actor}
            {flow}
        </dl>
    }
    .into_any()
}

/// Read models that handle the event's type, and whether they have handled this one.
fn handlers(handled_by: Vec<HandledBy>) -> Option<AnyView> {
    if handled_by.is_empty() {
        return None;
    }
    let chips: Vec<AnyView> = handled_by
        .into_iter()
        .map(|HandledBy { name, handled }| {
            let (class, word) = if handled {
                ("chip handled", "✓ handled")
            } else {
                ("chip", "… not yet")
            };
            view! {
                <a class=class href=format!("/read-models/{}", escape(&name))>
                    <span class="mono">{name.clone()}</span>
                    <span class="dim">{word}</span>
                </a>
            }
            .into_any()
        })
        .collect();
    Some(
        view! {
            <h3>"read models"</h3>
            <div class="chips">{chips}</div>
        }
        .into_any(),
    )
}

fn neighbour(event: &RecordedEvent, from: jiff::Timestamp) -> AnyView {
    let apart = event.recorded_at.as_millisecond() - from.as_millisecond();
    let apart = if apart < 0 {
        format!("{} before", format::span(apart))
    } else {
        format!("+{}", format::span(apart))
    };
    view! {
        <a class="chip" href=format!("/events/{}", event.id)>
            <TypeName name=event.event_type.clone() />
            <span class="dim">{apart}</span>
        </a>
    }
    .into_any()
}
