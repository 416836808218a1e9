//! Which time the charts of a page show: links, and a form for an own range. The choice is in the URL.

use highwater_model::Span;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use super::zone;
use crate::chart::Range;
use crate::chart::range::field;
use crate::format;
use crate::pages::href_with;

/// The choice.
#[component]
pub fn RangePicker(
    /// The page's path.
    #[prop(into)]
    path: String,
    /// What the URL says.
    range: Memo<Range>,
) -> impl IntoView {
    let query = use_query_map();
    let links = Span::ALL
        .into_iter()
        .map(|span| {
            let path = path.clone();
            let here = move || (range.get() == Range::Last(span)).then_some("true");
            view! {
                <a class="pill" href=move || href(&path, &query.get(), Range::Last(span)) data-noscroll="" aria-current=here>
                    {span.words()}
                </a>
            }
            .into_any()
        })
        .collect::<Vec<AnyView>>();
    view! {
        <div class="ranges" role="group" aria-label="Time shown">
            {links}
            <Own path range />
        </div>
    }
    .into_any()
}

fn href(path: &str, query: &leptos_router::params::ParamsMap, range: Range) -> String {
    let said = range.query();
    let changes: Vec<(&'static str, &str)> = said
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    href_with(path, query, &changes)
}

/// From when to when, as one likes. Without JavaScript the form sends what was typed, which then is UTC.
#[component]
fn Own(
    /// The page's path.
    path: String,
    /// What the URL says.
    range: Memo<Range>,
) -> impl IntoView {
    let zone = zone();
    let query = use_query_map();
    let navigate = use_navigate();
    let details = NodeRef::<html::Details>::new();
    let (from, to) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let said = RwSignal::new("");
    let shown = move |last: bool| match range.get() {
        Range::Between(since, until) => {
            let at = if last { until } else { since };
            field(at, zone.at(at))
        }
        Range::Last(_) => String::new(),
    };
    // Opened, it offers what is shown, to be changed.
    let offer = move |_| {
        let (Some(from), Some(to)) = (from.get_untracked(), to.get_untracked()) else {
            return;
        };
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
        let now = jiff::Timestamp::from_millisecond(js_sys::Date::now() as i64);
        if let (Range::Last(span), Ok(now), true) =
            (range.get_untracked(), now, from.value().is_empty())
        {
            let since = now - jiff::SignedDuration::from_secs(span.seconds());
            untrack(|| {
                from.set_value(&field(since, zone.at(since)));
                to.set_value(&field(now, zone.at(now)));
            });
        }
    };
    let action = path.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let read = |input: NodeRef<html::Input>| zone.moment(&input.get_untracked()?.value());
        match (read(from), read(to)) {
            (Some(since), Some(until)) if since < until => {
                said.set("");
                if let Some(details) = details.get_untracked() {
                    details.set_open(false);
                }
                let to = href(&path, &query.get_untracked(), Range::Between(since, until));
                navigate(&to, NavigateOptions::default());
            }
            (Some(_), Some(_)) => said.set("“From” has to be before “to”."),
            _ => said.set("Give both, with date and time."),
        }
    };
    let here = move || matches!(range.get(), Range::Between(..)).then_some("true");
    view! {
        <details node_ref=details on:toggle=offer>
            <summary class="pill" aria-current=here>
                "From – to"
            </summary>
            <form method="GET" action=action on:submit=submit>
                <label>
                    "From"
                    <input type="datetime-local" step="1" name="since" node_ref=from value=move || shown(false) prop:value=move || shown(false) />
                </label>
                <label>
                    "To"
                    <input type="datetime-local" step="1" name="until" node_ref=to value=move || shown(true) prop:value=move || shown(true) />
                </label>
                <span class="dim">{move || format!("Times are {}.", format::zone(zone.get()))}</span>
                <p class="mistake" role="alert">
                    {said}
                </p>
                <button type="submit">"Show"</button>
            </form>
        </details>
    }
    .into_any()
}
