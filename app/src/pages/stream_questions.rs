//! What is asked of the states of a stream: what was different at another version, and since when something holds.

use highwater_model::StateFound;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use super::stream_history::Link;
use crate::api::{Api, ApiError, escape};
use crate::components::problem::ErrorNotice;
use crate::components::state_tree;
use crate::format;

/// Names of the page's query that a question leaves as they are.
const KEPT: [&str; 5] = ["version", "zoom", "axis", "compare", "find"];

/// A question: a form for one part of the page's query, which keeps the others. Not the router's form, which makes its address small
/// letters, and so another stream's.
fn question(
    path: String,
    own: &'static str,
    link: Link,
    field: impl FnOnce(Memo<String>, NodeRef<html::Input>) -> AnyView,
) -> (Memo<String>, AnyView) {
    let query = use_query_map();
    let text = move |name| query.with(|query| query.get(name).unwrap_or_default());
    let others = move || {
        KEPT.into_iter()
            .filter(|name| *name != own)
            .map(|name| (name, text(name)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
            .collect_view()
    };
    let input = NodeRef::<html::Input>::new();
    let navigate = use_navigate();
    let ask = move |event: leptos::ev::SubmitEvent| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        event.prevent_default();
        let options = NavigateOptions {
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&link.run(vec![(own, input.value())]), options);
    };
    let asked = Memo::new(move |_| text(own));
    let field = field(asked, input);
    let form = view! {
        <form method="get" action=path class="bar" on:submit=ask>
            {others}
            {field}
        </form>
    };
    (asked, form.into_any())
}

/// What was different at another version.
#[component]
pub fn Compare(
    /// The stream.
    name: String,
    /// The version that is shown; none: the newest.
    version: Signal<Option<i64>>,
    /// The link to this page with a part of its query changed.
    link: Link,
) -> impl IntoView {
    let path = format!("/streams/{}", escape(&name));
    let (other, form) = question(path, "compare", link, |other, input| {
        view! {
            <label for="compare">"Compare with version"</label>
            <input
                id="compare"
                name="compare"
                type="number"
                min="0"
                inputmode="numeric"
                node_ref=input
                value=other.get_untracked()
                prop:value=move || other.get()
            />
            <button>"Compare"</button>
        }
        .into_any()
    });
    let of = StoredValue::new(name);
    let compared = Resource::new(
        move || (other.get().parse::<i64>().ok(), version.get()),
        move |(other, version)| {
            let (name, api) = (of.get_value(), Api::from_context());
            async move {
                let Some(other) = other else { return Ok(None) };
                let version = match version {
                    Some(version) => version,
                    None => api.stream(&name).await?.last_version.0,
                };
                let found = api.state_changes(&name, other, version).await?;
                Ok::<_, ApiError>(Some(found))
            }
        },
    );
    view! {
        {form}
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                match compared.await {
                    Ok(None) => ().into_any(),
                    Ok(Some(found)) => {
                        view! {
                            <h3>{format!("From version {} to version {}", format::number(found.from.0), format::number(found.to.0))}</h3>
                            {state_tree::changes(found.changes, "The two states are the same.")}
                        }
                            .into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// Since when something holds.
#[component]
pub fn FirstAt(
    /// The stream.
    name: String,
    /// The link to a version.
    to_version: Callback<i64, String>,
    /// The link to this page with a part of its query changed.
    link: Link,
) -> impl IntoView {
    let path = format!("/streams/{}", escape(&name));
    let (condition, form) = question(path, "find", link, |condition, input| {
        view! {
            <label for="find">"First version at which"</label>
            <input
                id="find"
                name="find"
                class="mono"
                placeholder="data.status:paid"
                autocomplete="off"
                spellcheck="false"
                node_ref=input
                value=condition.get_untracked()
                prop:value=move || condition.get()
            />
            <button>"Find"</button>
        }
        .into_any()
    });
    let of = StoredValue::new(name);
    let first = Resource::new(
        move || condition.get(),
        move |condition| {
            let (name, api) = (of.get_value(), Api::from_context());
            async move {
                if condition.trim().is_empty() {
                    return Ok(None);
                }
                api.state_first(&name, &condition, None).await.map(Some)
            }
        },
    );
    let further = RwSignal::new(None);
    Effect::new(move || {
        if let Some(Ok(Some(found))) = first.get() {
            further.set(None);
            let asked = condition.get_untracked();
            leptos::task::spawn_local(look_on(found, asked, condition, further));
        }
    });
    view! {
        {form}
        <Transition fallback=|| ()>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(None) => ().into_any(),
                    Ok(Some(found)) => {
                        let shown = move || match further.get() {
                            None => found_view(&found, to_version),
                            Some(Ok(further)) => found_view(&further, to_version),
                            Some(Err(error)) => view! { <ErrorNotice error /> }.into_any(),
                        };
                        view! { <div role="status">{shown}</div> }.into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// Looks on where the server had no more time, until there is an answer or another question.
async fn look_on(
    mut found: StateFound,
    asked: String,
    condition: Memo<String>,
    further: RwSignal<Option<Result<StateFound, ApiError>>>,
) {
    let api = Api::from_context();
    while found.version.is_none() && found.looked_up_to < found.last_version {
        let from = found.looked_up_to.0 + 1;
        let answer = api
            .state_first(found.stream.as_str(), &asked, Some(from))
            .await;
        if condition.try_get_untracked().as_ref() != Some(&asked) {
            return;
        }
        let goes_on = answer.clone().ok();
        let _ = further.try_set(Some(answer));
        match goes_on {
            Some(next) if next.looked_up_to > found.looked_up_to => found = next,
            _ => return,
        }
    }
}

fn found_view(found: &StateFound, to_version: Callback<i64, String>) -> AnyView {
    if let Some(version) = found.version {
        return view! {
            <p>
                "It holds for the first time at "
                <a href=to_version.run(version.0) data-noscroll="">
                    {format!("version {}", format::number(version.0))}
                </a>
                "."
            </p>
        }
        .into_any();
    }
    let upto = format::number(found.looked_up_to.0);
    let words = if found.looked_up_to < found.last_version {
        let last = format::number(found.last_version.0);
        format!("It holds at no version up to {upto}; those up to {last} are being looked at.")
    } else {
        format!("It holds at no version up to {upto}.")
    };
    view! { <p>{words}</p> }.into_any()
}
