//! The history of one stream: its timeline, its state at a version, what each event changed. The URL says which version.

use highwater_model::StreamTimeline;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::href_with;
use super::stream_definition::DefinitionForm;
use super::stream_line::line;
use super::stream_parts::StreamParts;
use super::stream_questions::{Compare, FirstAt};
use super::stream_state::{folding_view, state_view};
use crate::api::{Api, StateAsked, escape};
use crate::components::problem::ErrorNotice;
use crate::components::timeline::Axis;

/// What the URL says of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    /// The version; none: the newest.
    pub(super) version: Option<i64>,
    /// The versions that the timeline shows; none: all.
    pub(super) zoom: Option<(i64, i64)>,
    /// What its axis is.
    pub(super) axis: Axis,
}

impl At {
    pub(super) fn read(map: &ParamsMap) -> Self {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        Self {
            version: map.get("version").and_then(|text| number(&text)),
            zoom: map
                .get("zoom")
                .and_then(|text| {
                    let (from, to) = text.split_once('-')?;
                    Some((number(from)?, number(to)?))
                })
                .filter(|(from, to)| from <= to),
            axis: if map.get("axis").as_deref() == Some("even") {
                Axis::Even
            } else {
                Axis::Time
            },
        }
    }
}

/// The link to this page with some of its query changed; an empty value leaves the name out.
pub(super) type Link = Callback<Vec<(&'static str, String)>, String>;

/// Its timeline and its states.
#[component]
pub fn StreamHistory(
    /// The stream.
    name: String,
    /// Its newest version.
    newest: Memo<i64>,
    /// What the page reads.
    parts: StreamParts,
) -> impl IntoView {
    let query = use_query_map();
    let StreamParts {
        at, drawn, state, ..
    } = parts;
    let of = StoredValue::new(name);
    let grown = grown(of, at, newest);
    let path = move || format!("/streams/{}", of.with_value(|name| escape(name)));
    let link = Callback::new(move |changes: Vec<(&'static str, String)>| {
        let changes: Vec<(&'static str, &str)> = changes
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        query.with(|query| href_with(&path(), query, &changes))
    });
    let to_version =
        Callback::new(move |version: i64| link.run(vec![("version", version.to_string())]));
    let again = Callback::new(move |()| state.refetch());
    view! {
        <section class="card history" aria-label="Timeline">
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    match drawn.await {
                        Ok(drawn) => {
                            let whole = at.with_untracked(|at| at.zoom.is_none());
                            let now = Memo::new(move |_| {
                                grown.get().filter(|_| whole).unwrap_or_else(|| drawn.clone())
                            });
                            line(now, at, link)
                        }
                        Err(error) => view! { <ErrorNotice error /> }.into_any(),
                    }
                })}
            </Transition>
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    match state.await {
                        Ok(StateAsked::Ready(state)) => state_view(*state, to_version),
                        Ok(StateAsked::Folding(folding)) => folding_view(&folding, again),
                        Err(error) => view! { <ErrorNotice error /> }.into_any(),
                    }
                })}
            </Transition>
            <div class="questions">
                <Compare name=of.get_value() version=Signal::derive(move || at.with(|at| at.version)) link />
                <FirstAt name=of.get_value() to_version link />
            </div>
            <DefinitionForm name=of.get_value() version=Signal::derive(move || at.with(|at| at.version)) to_version kept=again />
        </section>
    }
    .into_any()
}

/// The whole timeline as it is when events have come since the page was opened. What is drawn moves on without being made anew, so that the
/// slider keeps its keys.
fn grown(
    of: StoredValue<String>,
    at: Memo<At>,
    newest: Memo<i64>,
) -> RwSignal<Option<StreamTimeline>> {
    let grown = RwSignal::new(None);
    Effect::new(move |before: Option<i64>| {
        let newest = newest.get();
        if before.is_some_and(|before| before < newest) && at.with_untracked(|at| at.zoom.is_none())
        {
            let (name, api) = (of.get_value(), Api::from_context());
            leptos::task::spawn_local(async move {
                if let Ok(timeline) = api.timeline(&name, None, None).await {
                    let _ = grown.try_set(Some(timeline));
                }
            });
        }
        newest
    });
    grown
}
