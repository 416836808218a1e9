//! What to do with what a page shows: save it by a name, open what was saved, take it along as a file, a link or a command.

use highwater_model::{SavedView, SavedViewBody, ViewPage};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::copy::{CopyButton, CopyCurl};
use crate::api::Api;

/// Parts of a page's query that belong to the moment, not to what is looked for.
const PASSING: [&str; 3] = ["event", "before", "cursor"];

/// Saved views, files, a link and a command.
#[component]
pub fn Share(
    /// The page.
    page: ViewPage,
    /// The call of the API that lists what is shown.
    #[prop(into)]
    call: Signal<String>,
    /// The call that answers all of it as a file; `format` is added to it.
    #[prop(into)]
    export: Signal<String>,
) -> impl IntoView {
    let views = RwSignal::new(Vec::<SavedView>::new());
    let said = RwSignal::new(None::<String>);
    let read = move || {
        leptos::task::spawn_local(async move {
            match Api::from_context().views().await {
                Ok(all) => {
                    let _ =
                        views.try_set(all.into_iter().filter(|view| view.page == page).collect());
                }
                Err(error) => {
                    let _ = said.try_set(Some(error.to_string()));
                }
            }
        });
    };
    let toggled = move |event: leptos::ev::Event| {
        if event_target::<leptos::web_sys::HtmlDetailsElement>(&event).open() {
            read();
        }
    };
    let file = move |format: &str| {
        export.with(|export| {
            let sign = if export.contains('?') { '&' } else { '?' };
            format!("{export}{sign}format={format}")
        })
    };
    let link = move |()| window().location().href().unwrap_or_default();
    let remove = Callback::new(move |id: i64| {
        leptos::task::spawn_local(async move {
            let came = Api::from_context().remove_view(id).await;
            let _ = said.try_set(came.err().map(|error| error.to_string()));
            read();
        });
    });
    let list = move || {
        let views = views.get();
        if views.is_empty() {
            return view! { <p class="dim">"No view of this page is saved yet."</p> }.into_any();
        }
        let rows: Vec<AnyView> = views.iter().map(|view| saved(view, remove)).collect();
        view! { <ul class="views">{rows}</ul> }.into_any()
    };
    view! {
        <details class="share" on:toggle=toggled>
            <summary class="button">"Views and files"</summary>
            <div class="card">
                {list}
                <SaveForm page saved=Callback::new(move |()| read()) said />
                <p role="status" class="dim">
                    {move || said.get()}
                </p>
                <div class="bar">
                    <span class="dim">"All of it as a file:"</span>
                    <a href=move || file("csv") rel="external" download="">
                        "CSV"
                    </a>
                    <a href=move || file("ndjson") rel="external" download="">
                        "NDJSON"
                    </a>
                </div>
                <div class="bar">
                    <CopyButton label="Copy link" text=link refused="The browser refused; the link is the page's address" />
                    <CopyCurl path=call />
                </div>
            </div>
        </details>
    }
    .into_any()
}

fn saved(view: &SavedView, remove: Callback<i64>) -> AnyView {
    let label = format!("Remove the view {}", view.name);
    let id = view.id;
    let shared = view.shared.then(|| {
        let words = format!("shared by {}", view.owner);
        view! { <span class="dim">{words}</span> }
    });
    view! {
        <li>
            <a href=view.href()>{view.name.clone()}</a>
            {shared}
            <span class="grow"></span>
            <button type="button" class="quiet" aria-label=label.clone() title=label on:click=move |_| remove.run(id)>
                "×"
            </button>
        </li>
    }
    .into_any()
}

/// Saves what the page shows.
#[component]
fn SaveForm(
    /// The page.
    page: ViewPage,
    /// It is saved.
    saved: Callback<()>,
    /// What came of it.
    said: RwSignal<Option<String>>,
) -> impl IntoView {
    let search = use_location().search;
    let name = RwSignal::new(String::new());
    let shared = RwSignal::new(false);
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        let view = SavedViewBody {
            page,
            name: name.get_untracked().trim().to_owned(),
            query: search.with_untracked(|search| lasting(search)),
            shared: shared.get_untracked(),
        };
        leptos::task::spawn_local(async move {
            let words = match Api::from_context().save_view(&view).await {
                Ok(view) => {
                    saved.run(());
                    let _ = name.try_set(String::new());
                    format!("Saved as {}.", view.name)
                }
                Err(error) => error.to_string(),
            };
            let _ = said.try_set(Some(words));
        });
    };
    view! {
        <form class="bar" on:submit=submit>
            <input
                type="text"
                required
                maxlength="100"
                autocomplete="off"
                aria-label="Name of the view"
                placeholder="Save this view as"
                prop:value=move || name.get()
                on:input=move |event| name.set(event_target_value(&event))
            />
            <label class="check">
                <input type="checkbox" prop:checked=move || shared.get() on:change=move |event| shared.set(event_target_checked(&event)) />
                "for everybody"
            </label>
            <button type="submit">"Save"</button>
        </form>
    }
    .into_any()
}

/// What of a page's query is kept with a view.
fn lasting(search: &str) -> String {
    let search = search.trim_start_matches('?');
    let parts = search.split('&').filter(|part| {
        let name = part.split('=').next().unwrap_or_default();
        !part.is_empty() && !PASSING.contains(&name)
    });
    parts.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_keeps_what_is_looked_for_and_not_the_moment() {
        assert_eq!(
            lasting("?filter=type%3AOrder*&event=0192&before=7&shown=late&cursor="),
            "filter=type%3AOrder*&shown=late"
        );
        assert_eq!(lasting(""), "");
    }
}
