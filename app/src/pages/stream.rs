//! One stream: its facts, its history, and its events, newest first.

use highwater_model::filter::quoted;
use highwater_model::{RecordedEvent, StreamPage as Page, StreamSummary};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::Loading;
use super::stream_history::StreamHistory;
use super::stream_parts::StreamParts;
use crate::api::{Api, escape};
use crate::components::copy::CopyCurl;
use crate::components::grid::AddToGrid;
use crate::components::problem::{ErrorNotice, NotFound};
use crate::components::{Time, TypeName};
use crate::format;
use crate::live::on_pulse;

/// How often its newest event is looked for while events are recorded, at most.
const APART_MS: f64 = 2_000.0;

/// One stream.
#[component]
pub fn StreamPage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("stream").unwrap_or_default()));
    let found = Resource::new(
        move || name.get(),
        |name| {
            let api = Api::from_context();
            async move { api.stream(&name).await }
        },
    );
    let parts = StreamParts::new(name);
    view! {
        <Title text=move || name.get() />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(summary) => stream_view(summary, parts),
                    Err(error) if error.is_not_found() => {
                        view! { <NotFound what=format!("There is no stream {}.", name.get_untracked()) /> }.into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn stream_view(summary: StreamSummary, parts: StreamParts) -> AnyView {
    let name = summary.stream.to_string();
    let live = format!(
        "/live?filter={}",
        escape(&format!("stream:{}", quoted(&name)))
    );
    let now = RwSignal::new(summary);
    on_pulse(APART_MS, move || {
        let (api, name) = (
            Api::from_context(),
            now.with_untracked(|now| now.stream.to_string()),
        );
        Box::pin(async move {
            // What it showed stays when it can't be read again: the connection light tells of it.
            if let Ok(found) = api.stream(&name).await
                && now.try_with_untracked(|now| *now != found) == Some(true)
            {
                parts.has_grown(&name, found.last_version.0);
                let _ = now.try_set(found);
            }
        })
    });
    let newest = Memo::new(move |_| now.with(|now| now.last_version.0));
    view! {
        <h1 class="mono">{name.clone()}</h1>
        {facts(now)}
        <div class="bar">
            <a class="button" href=live>
                "Watch live"
            </a>
            <AddToGrid stream=name.clone() />
            <span class="grow"></span>
            <CopyCurl path=format!("/api/streams/{}/events?direction=backward", escape(&name)) />
        </div>
        <StreamHistory name newest parts />
        <Events parts />
    }
    .into_any()
}

fn facts(now: RwSignal<StreamSummary>) -> AnyView {
    let category = now.with_untracked(|now| now.category.clone());
    let category_href = format!("/streams?category={}", escape(&category));
    let first = now.with_untracked(|now| now.first_recorded_at);
    view! {
        <dl class="card cards">
            <div>
                <dt>"events"</dt>
                <dd>{move || now.with(|now| format::number(now.last_version.0 + 1))}</dd>
            </div>
            <div>
                <dt>"category"</dt>
                <dd>
                    <a href=category_href>{category}</a>
                </dd>
            </div>
            <div>
                <dt>"first event"</dt>
                <dd>
                    <Time at=first />
                </dd>
            </div>
            <div>
                <dt>"newest event"</dt>
                <dd>{move || view! { <Time at=now.with(|now| now.last_recorded_at) /> }}</dd>
            </div>
            <div>
                <dt>"at position"</dt>
                <dd>{move || now.with(|now| format::number(now.last_position.0))}</dd>
            </div>
        </dl>
    }
    .into_any()
}

/// Its events, newest first; what comes while the page is open is shown unless older ones are looked at.
#[component]
fn Events(
    /// What the page reads.
    parts: StreamParts,
) -> impl IntoView {
    let page = parts.events;
    view! {
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => table(&page),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn table(page: &Page) -> AnyView {
    let older = page.next.map(|from| {
        view! {
            <a class="button" href=format!("/streams/{}?from={from}", escape(page.stream.as_str()))>
                "Older events"
            </a>
        }
    });
    let rows: Vec<AnyView> = page.events.iter().map(row).collect();
    view! {
        <div class="card scroll" tabindex="0" role="region" aria-label="Events of the stream, newest first">
            <table class="events">
                <thead>
                    <tr>
                        <th class="n">"version"</th>
                        <th>"recorded"</th>
                        <th>"type"</th>
                        <th class="n">"position"</th>
                        <th class="data">"data"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <div class="bar">{older}</div>
    }
    .into_any()
}

fn row(event: &RecordedEvent) -> AnyView {
    view! {
        <tr>
            <td class="n">
                <a class="row-link" href=format!("/events/{}", event.id)>
                    {format::number(event.version.0)}
                </a>
            </td>
            <td class="mono dim">
                <Time at=event.recorded_at />
            </td>
            <td>
                <TypeName name=event.event_type.clone() />
            </td>
            <td class="n">{format::number(event.position.0)}</td>
            <td class="mono dim data">{format::preview(event)}</td>
        </tr>
    }
    .into_any()
}
