//! The history of one stream: its timeline, its state at a version, what each event changed. The URL says which version.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;

use super::href_with;
use super::stream_line::line;
use super::stream_questions::{Compare, FirstAt};
use super::stream_state::state_view;
use crate::api::{Api, escape};
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
    fn read(map: &ParamsMap) -> Self {
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
) -> impl IntoView {
    let query = use_query_map();
    let at = Memo::new(move |_| query.with(At::read));
    let of = StoredValue::new(name);
    let asked = move || (of.get_value(), Api::from_context());
    let drawn = Resource::new(
        move || at.with(|at| at.zoom),
        move |zoom| {
            let (name, api) = asked();
            async move {
                let (from, to) = zoom.unzip();
                api.timeline(&name, from, to).await
            }
        },
    );
    let state = Resource::new(
        move || at.with(|at| at.version),
        move |version| {
            let (name, api) = asked();
            async move { api.state(&name, version).await }
        },
    );
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
    view! {
        <section class="card history" aria-label="Timeline">
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    match drawn.await {
                        Ok(drawn) => line(drawn, at, link).into_any(),
                        Err(error) => view! { <ErrorNotice error /> }.into_any(),
                    }
                })}
            </Transition>
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    match state.await {
                        Ok(state) => state_view(state, to_version),
                        Err(error) => view! { <ErrorNotice error /> }.into_any(),
                    }
                })}
            </Transition>
            <div class="questions">
                <Compare name=of.get_value() version=Signal::derive(move || at.with(|at| at.version)) link />
                <FirstAt name=of.get_value() to_version link />
            </div>
        </section>
    }
    .into_any()
}
