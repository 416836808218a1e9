//! What the page of a stream reads beside its facts. Made once, beside what reads the facts and not within: a view that waits is put together
//! two or three times while its parts come in on the server, and what it made would be read, and sent, each time.

use highwater_model::{StreamPage as Page, StreamTimeline};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::stream_history::At;
use crate::api::{Answer, Api, StateAsked};

/// Timeline, state and events.
#[derive(Debug, Clone, Copy)]
pub struct StreamParts {
    /// What the URL says of the history.
    pub(super) at: Memo<At>,
    /// The timeline, or the part of it that the URL names.
    pub(super) drawn: Resource<Answer<StreamTimeline>>,
    /// The state at the version that the URL names, or the newest.
    pub(super) state: Resource<Answer<StateAsked>>,
    /// A page of its events.
    pub(super) events: Resource<Answer<Page>>,
    /// The stream that has grown since the page was opened, and its newest version.
    grown: RwSignal<Option<(String, i64)>>,
}

impl StreamParts {
    /// Of the stream with this name, which changes when another one is gone to.
    pub fn new(name: Memo<String>) -> Self {
        let query = use_query_map();
        let at = Memo::new(move |_| query.with(At::read));
        let from = Memo::new(move |_| {
            query.with(|query| query.get("from").and_then(|from| from.parse::<i64>().ok()))
        });
        let grown = RwSignal::new(None::<(String, i64)>);
        let newest = Memo::new(move |_| {
            let name = name.get();
            grown.with(|grown| {
                let here = grown.as_ref().filter(|(of, _)| *of == name);
                here.map(|(_, version)| *version)
            })
        });
        let drawn = Resource::new(
            move || (name.get(), at.with(|at| at.zoom)),
            |(name, zoom)| {
                let api = Api::from_context();
                async move {
                    let (from, to) = zoom.unzip();
                    api.timeline(&name, from, to).await
                }
            },
        );
        let state = Resource::new(
            move || {
                let version = at.with(|at| at.version);
                let newest = version.is_none().then(|| newest.get());
                (name.get(), version, newest)
            },
            |(name, version, _)| {
                let api = Api::from_context();
                async move { api.state(&name, version).await }
            },
        );
        let events = Resource::new(
            move || {
                let from = from.get();
                (name.get(), from, from.is_none().then(|| newest.get()))
            },
            |(name, from, _)| {
                let api = Api::from_context();
                async move { api.stream_events(&name, from).await }
            },
        );
        Self {
            at,
            drawn,
            state,
            events,
            grown,
        }
    }

    /// The stream has this newest version now.
    pub(super) fn has_grown(self, name: &str, newest: i64) {
        let _ = self.grown.try_set(Some((name.to_owned(), newest)));
    }
}
