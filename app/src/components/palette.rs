//! ⌘K: go to a page, a read model, its rebuild, a subscription, a stream, a type, an event, a position, a flow.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use highwater_model::{FindAnswer, SavedView};
use wasm_bindgen::JsCast;

use super::palette_entries::{pages, subscriptions, things, told, views};
use crate::api::Api;
use crate::me::Me;

/// The palette, a native dialog.
#[component]
pub fn Palette(
    /// Set to open it.
    open: RwSignal<bool>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let text = RwSignal::new(String::new());
    let found = RwSignal::new(None::<Result<FindAnswer, String>>);
    let saved = RwSignal::new(Vec::<SavedView>::new());
    let names = RwSignal::new(Vec::<String>::new());
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
            found.set(None);
            if !dialog.open() {
                // It fails only for a dialog that is open or out of the document.
                let _ = dialog.show_modal();
            }
            leptos::task::spawn_local(read(saved, names));
        }
    });
    let search = move |typed: String| {
        text.set(typed.clone());
        let typed = typed.trim().to_owned();
        if typed.is_empty() {
            found.set(None);
            return;
        }
        leptos::task::spawn_local(async move {
            let answer = Api::from_context().find(&typed).await;
            // What was found for an earlier text stays until this answer is there, so that nothing flickers while somebody types.
            if text.get_untracked().trim() == typed {
                found.set(Some(answer.map_err(|error| error.to_string())));
            }
        });
    };
    let me = expect_context::<Me>();
    let entries = move || {
        let mut entries = pages(&text.get(), me.keeps_users(), me.approvals());
        entries.extend(saved.with(|saved| text.with(|text| views(saved, text))));
        entries.extend(names.with(|names| text.with(|text| subscriptions(names, text))));
        if let Some(Ok(answer)) = found.get() {
            entries.extend(things(&answer));
        }
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
        if let Some(entry) = entries().into_iter().next() {
            close();
            navigate(&entry.href, NavigateOptions::default());
        }
    };
    view! {
        <dialog node_ref=dialog class="palette" aria-label="Go to" on:close=move |_| open.set(false) on:keydown=move |event| step(dialog, &event)>
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
                        .map(|entry| {
                            view! {
                                <li>
                                    <a href=entry.href on:click=move |_| close()>
                                        {entry.name}
                                        " "
                                        <span class="dim">{entry.detail}</span>
                                    </a>
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
            <p class="dim" role="status">
                {move || told(found.get(), entries().is_empty())}
            </p>
        </dialog>
    }
    .into_any()
}

/// Reads what the palette looks through itself. Without it the rest is still found.
async fn read(saved: RwSignal<Vec<SavedView>>, names: RwSignal<Vec<String>>) {
    let api = Api::from_context();
    if let Ok(views) = api.views().await {
        let _ = saved.try_set(views);
    }
    if let Ok(found) = api.subscriptions().await {
        let _ = names.try_set(found.into_iter().map(|one| one.name).collect());
    }
}

/// Arrow keys go from the field to the entries, and from one to the next.
fn step(dialog: NodeRef<html::Dialog>, event: &ev::KeyboardEvent) {
    let down = match event.key().as_str() {
        "ArrowDown" => true,
        "ArrowUp" => false,
        _ => return,
    };
    let Some(dialog) = dialog.get_untracked() else {
        return;
    };
    event.prevent_default();
    let Ok(stops) = dialog.query_selector_all("input, li a") else {
        return;
    };
    let stops: Vec<web_sys::HtmlElement> = (0..stops.length())
        .filter_map(|at| stops.item(at)?.dyn_into().ok())
        .collect();
    let here = document().active_element();
    let at = stops
        .iter()
        .position(|stop| {
            here.as_ref()
                .is_some_and(|here| stop.is_same_node(Some(here)))
        })
        .unwrap_or(0);
    let next = if down {
        (at + 1).min(stops.len().saturating_sub(1))
    } else {
        at.saturating_sub(1)
    };
    if let Some(stop) = stops.get(next) {
        // Focus fails only for an element that is gone.
        let _ = stop.focus();
    }
}
