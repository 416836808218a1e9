//! ⌘K: go to a page, a read model, a stream, an event, a position, a correlation id.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::frame::PAGES;
use crate::api::{Api, LogRequest, StreamsRequest, escape};

/// The palette, a native dialog.
#[component]
pub fn Palette(
    /// Set to open it.
    open: RwSignal<bool>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let text = RwSignal::new(String::new());
    let found = RwSignal::new(Vec::<(String, String)>::new());
    Effect::new(move || {
        let handle = window_event_listener(ev::keydown, move |event| {
            if event.key() == "k" && (event.meta_key() || event.ctrl_key()) {
                event.prevent_default();
                open.set(true);
            }
        });
        on_cleanup(move || handle.remove());
    });
    Effect::new(move || {
        if let (true, Some(dialog)) = (open.get(), dialog.get()) {
            text.set(String::new());
            found.set(Vec::new());
            if !dialog.open() {
                // It fails only for a dialog that is open or out of the document.
                let _ = dialog.show_modal();
            }
        }
    });
    let search = move |typed: String| {
        text.set(typed.clone());
        found.set(Vec::new());
        let typed = typed.trim().to_owned();
        if typed.is_empty() {
            return;
        }
        leptos::task::spawn_local(async move {
            let entries = look_up(&typed).await;
            if text.get_untracked().trim() == typed {
                found.set(entries);
            }
        });
    };
    let entries = move || {
        let typed = text.get().trim().to_lowercase();
        let mut entries: Vec<(String, String)> = PAGES
            .iter()
            .filter(|(_, name)| name.to_lowercase().contains(&typed))
            .map(|(path, name)| ((*path).to_owned(), (*name).to_owned()))
            .collect();
        entries.extend(found.get());
        entries
    };
    let navigate = use_navigate();
    let close = move || {
        open.set(false);
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if let Some((path, _)) = entries().into_iter().next() {
            close();
            navigate(&path, NavigateOptions::default());
        }
    };
    view! {
        <dialog node_ref=dialog class="palette" aria-label="Go to" on:close=move |_| open.set(false)>
            <form on:submit=submit>
                <input
                    type="search"
                    aria-label="Page, read model, stream, event id, position or correlation id"
                    placeholder="Page, read model, stream, event id, position, correlation id"
                    autocomplete="off"
                    prop:value=move || text.get()
                    on:input=move |event| search(event_target_value(&event))
                />
            </form>
            <ul>
                {move || {
                    entries()
                        .into_iter()
                        .map(|(path, name)| {
                            view! {
                                <li>
                                    <a href=path on:click=move |_| close()>
                                        {name}
                                    </a>
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </dialog>
    }
    .into_any()
}

async fn look_up(typed: &str) -> Vec<(String, String)> {
    let api = Api::from_context();
    let mut entries = Vec::new();
    if let Ok(id) = typed.parse::<uuid::Uuid>() {
        entries.push((format!("/events/{id}"), format!("Event {id}")));
        entries.push((
            format!("/live?filter={}", escape(&format!("correlation:{id}"))),
            format!("Flow {id}"),
        ));
        return entries;
    }
    let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    if let Ok(position) = digits.parse::<i64>()
        && position > 0
        && let Ok(page) = api
            .events(&LogRequest {
                after: Some(position - 1),
                limit: 1,
                ..LogRequest::default()
            })
            .await
        && let Some(event) = page.events.first()
    {
        entries.push((
            format!("/events/{}", event.id),
            format!("Position {}: {}", event.position, event.event_type),
        ));
    }
    let words = typed.to_lowercase().replace(' ', "_");
    if let Ok(models) = api.read_models().await {
        let named = models.iter().filter(|model| model.name.contains(&words));
        entries.extend(named.take(12).map(|model| {
            (
                format!("/read-models/{}", escape(&model.name)),
                format!("Read model {}", model.name),
            )
        }));
    }
    if let Ok(list) = api
        .streams(&StreamsRequest {
            query: typed.to_owned(),
            ..StreamsRequest::default()
        })
        .await
    {
        entries.extend(list.streams.iter().take(12).map(|summary| {
            (
                format!("/streams/{}", escape(summary.stream.as_str())),
                format!("Stream {}", summary.stream),
            )
        }));
    }
    entries
}
