//! One stream: its facts, its history, and its events, newest first.

use highwater_model::filter::quoted;
use highwater_model::{StreamPage as Page, StreamSummary};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::Loading;
use super::stream_history::StreamHistory;
use crate::api::{Api, ApiError, escape};
use crate::components::problem::{ErrorNotice, NotFound};
use crate::components::{Time, TypeName};
use crate::format;

/// One stream.
#[component]
pub fn StreamPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let name = Memo::new(move |_| params.with(|params| params.get("stream").unwrap_or_default()));
    let from = Memo::new(move |_| {
        query.with(|query| query.get("from").and_then(|from| from.parse::<i64>().ok()))
    });
    let found = Resource::new(
        move || (name.get(), from.get()),
        |(name, from)| {
            let api = Api::from_context();
            async move {
                Ok::<_, ApiError>((
                    api.stream(&name).await?,
                    api.stream_events(&name, from).await?,
                ))
            }
        },
    );
    view! {
        <Title text=move || name.get() />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((summary, page)) => stream_view(summary, page).into_any(),
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

fn stream_view(summary: StreamSummary, page: Page) -> impl IntoView {
    let name = summary.stream.to_string();
    let category_href = format!("/streams?category={}", escape(&summary.category));
    let live = format!(
        "/live?filter={}",
        escape(&format!("stream:{}", quoted(&name)))
    );
    let older = page.next.map(|from| {
        view! {
            <a class="button" href=format!("/streams/{}?from={from}", escape(&name))>
                "Older events"
            </a>
        }
    });
    let rows = page
        .events
        .into_iter()
        .map(|event| {
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
                    <td class="mono dim data">{format::preview(&event)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <h1 class="mono">{name.clone()}</h1>
        <dl class="card cards">
            <div>
                <dt>"events"</dt>
                <dd>{format::number(summary.last_version.0 + 1)}</dd>
            </div>
            <div>
                <dt>"category"</dt>
                <dd>
                    <a href=category_href>{summary.category}</a>
                </dd>
            </div>
            <div>
                <dt>"first event"</dt>
                <dd>
                    <Time at=summary.first_recorded_at />
                </dd>
            </div>
            <div>
                <dt>"newest event"</dt>
                <dd>
                    <Time at=summary.last_recorded_at />
                </dd>
            </div>
            <div>
                <dt>"at position"</dt>
                <dd>{format::number(summary.last_position.0)}</dd>
            </div>
        </dl>
        <div class="bar">
            <a class="button" href=live>
                "Watch live"
            </a>
        </div>
        <StreamHistory name=name />
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
