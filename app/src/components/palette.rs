//! ⌘K: go to a page, a read model, its rebuild, a stream, a type, an event, a position, a flow.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use highwater_model::filter::quoted;
use highwater_model::{FindAnswer, FoundKind};
use wasm_bindgen::JsCast;

use super::frame::PAGES;
use crate::api::{Api, escape};

/// What can be gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    href: String,
    name: String,
    detail: String,
}

/// The palette, a native dialog.
#[component]
pub fn Palette(
    /// Set to open it.
    open: RwSignal<bool>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let text = RwSignal::new(String::new());
    let found = RwSignal::new(None::<Result<FindAnswer, String>>);
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
    let entries = move || {
        let mut entries = pages(&text.get());
        if let Some(Ok(answer)) = found.get() {
            entries.extend(things(&answer));
        }
        entries
    };
    let told = move || told(found.get(), entries().is_empty());
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
                {told}
            </p>
        </dialog>
    }
    .into_any()
}

/// What is to be said of what was found.
fn told(found: Option<Result<FindAnswer, String>>, nothing: bool) -> Option<String> {
    match found? {
        Err(error) => Some(error),
        Ok(answer) if !answer.looked_at_all => Some(
            "There are very many streams: only the newest 100 000 were looked through for this in the middle of a name.".to_owned(),
        ),
        Ok(_) if nothing => {
            Some("Nothing has this in its name. Ids and positions are found, too.".to_owned())
        }
        Ok(_) => None,
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

/// The pages whose name has the text, those that begin with it first.
fn pages(text: &str) -> Vec<Entry> {
    let text = text.trim();
    let mut fitting: Vec<(u8, Entry)> = PAGES
        .iter()
        .filter_map(|(path, name)| {
            let fits = highwater_model::find::fit(name, text)?;
            let entry = Entry {
                href: (*path).to_owned(),
                name: (*name).to_owned(),
                detail: String::new(),
            };
            Some((fits, entry))
        })
        .collect();
    // A stable sort: of the same fit, as in the rail.
    fitting.sort_by_key(|(fits, _)| *fits);
    fitting.into_iter().map(|(_, entry)| entry).collect()
}

/// Where what was found is shown; of a read model that is the only one, its rebuild as well.
fn things(answer: &FindAnswer) -> Vec<Entry> {
    let models = answer
        .found
        .iter()
        .filter(|found| found.kind == FoundKind::ReadModel)
        .count();
    let mut entries = Vec::new();
    for found in &answer.found {
        let (href, word) = match found.kind {
            FoundKind::Event => (format!("/events/{}", found.name), "Event"),
            FoundKind::Flow => (format!("/flows/{}", found.name), "Flow"),
            FoundKind::ReadModel => (
                format!("/read-models/{}", escape(&found.name)),
                "Read model",
            ),
            FoundKind::Type => (format!("/types/{}", escape(&found.name)), "Type"),
            FoundKind::Category => (
                format!("/streams?category={}", escape(&found.name)),
                "Category",
            ),
            FoundKind::Stream => (format!("/streams/{}", escape(&found.name)), "Stream"),
        };
        let entry = |href: String, name: String| Entry {
            href,
            name,
            detail: found.detail.clone(),
        };
        entries.push(entry(href.clone(), format!("{word} {}", found.name)));
        match found.kind {
            FoundKind::ReadModel if models == 1 => {
                let name = format!("Rebuild {}", found.name);
                entries.push(entry(format!("{href}#rebuild"), name));
            }
            FoundKind::Type => {
                let line = escape(&format!("type:{}", quoted(&found.name)));
                let name = format!("Events of type {}", found.name);
                entries.push(entry(format!("/live?filter={line}"), name));
            }
            _ => {}
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use highwater_model::Found;

    use super::*;

    #[test]
    fn pages_that_begin_with_the_text_come_first() {
        let names = |text| {
            pages(text)
                .into_iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("st")[..2], ["Streams", "Store"]);
        assert_eq!(names("nothing like it"), Vec::<String>::new());
        assert_eq!(names("").len(), PAGES.len());
    }

    #[test]
    fn what_was_found_leads_to_its_page() {
        let found = |kind, name: &str| Found {
            kind,
            name: name.to_owned(),
            detail: String::new(),
        };
        let answer = FindAnswer {
            found: vec![
                found(FoundKind::ReadModel, "totals"),
                found(FoundKind::Stream, "order-1/2"),
            ],
            looked_at_all: true,
        };
        let hrefs: Vec<String> = things(&answer)
            .into_iter()
            .map(|entry| entry.href)
            .collect();
        assert_eq!(
            hrefs,
            [
                "/read-models/totals",
                "/read-models/totals#rebuild",
                "/streams/order-1%2F2"
            ]
        );
    }
}
