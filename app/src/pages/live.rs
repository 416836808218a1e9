//! The live page: the tail of the log, a filter line, events over time, one event in a drawer.

use std::time::Duration;

use highwater_model::{EventPage, Histogram, Position, ViewPage};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::live_bars::{Bars, read_histogram};
use super::live_query::LiveQuery;
use super::live_rows::{LiveRows, SLOTS};
use crate::api::{Answer, Api, LogRequest};
use crate::components::event_detail::EventDetail;
use crate::components::filter_line::{FilterLine, Words};
use crate::components::problem::{EmptyStore, ErrorNotice};
use crate::components::share::Share;
use crate::format;
use crate::live::{Buffer, Live, socket};

/// What the page reads at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tail {
    page: EventPage,
    histogram: Option<Histogram>,
    /// Events per second at that moment.
    rate: Option<f64>,
}

/// The live page.
#[component]
pub fn LivePage() -> impl IntoView {
    let map = use_query_map();
    let query = Memo::new(move |_| map.with(LiveQuery::read));
    let shown = Memo::new(move |_| query.get().with_event(None));
    let tail = Resource::new(
        move || shown.get(),
        |query| {
            let api = Api::from_context();
            async move { read(api, query).await }
        },
    );
    let chosen = Memo::new(move |_| query.get().event);
    let detail = Resource::new(
        move || chosen.get(),
        |id| {
            let api = Api::from_context();
            async move {
                match id {
                    Some(id) => Some(api.event(&id).await),
                    None => None,
                }
            }
        },
    );
    let words = RwSignal::new(Words::default());
    let wanted = move |()| {
        if words.with_untracked(|words| words.types.is_empty()) {
            leptos::task::spawn_local(
                async move { words.set(read_words(Api::from_context()).await) },
            );
        }
    };
    view! {
        <Title text="Live" />
        <h1 class="hidden">"Live"</h1>
        <div class="bar">
            <Form method="GET" action="/live" attr:class="line">
                <FilterLine filter=Signal::derive(move || query.get().filter) words wanted />
                {move || {
                    query
                        .get()
                        .range
                        .map(|(since, until)| {
                            view! {
                                <input type="hidden" name="since" value=since.to_string() />
                                <input type="hidden" name="until" value=until.to_string() />
                            }
                        })
                }}
                <button type="submit">"Filter"</button>
            </Form>
            <Share
                page=ViewPage::Live
                call=Signal::derive(move || query.with(LiveQuery::call))
                export=Signal::derive(move || query.with(LiveQuery::export))
            />
        </div>
        <div class="split" class:open=move || chosen.with(Option::is_some)>
            <div class="tail">
                <Transition fallback=Loading>
                    {move || Suspend::new(async move {
                        match tail.await {
                            Ok(tail) => view! { <TailView tail query shown /> }.into_any(),
                            Err(error) => view! { <ErrorNotice error /> }.into_any(),
                        }
                    })}
                </Transition>
            </div>
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    let detail = detail.await?;
                    let close = query.get().with_event(None).href();
                    Some(
                        view! {
                            <aside class="card drawer" aria-label="Event">
                                <a class="button quiet close" href=close data-noscroll="" aria-label="Close the event">
                                    "✕"
                                </a>
                                {match detail {
                                    Ok(detail) => view! { <EventDetail detail /> }.into_any(),
                                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                                }}
                            </aside>
                        },
                    )
                })}
            </Transition>
        </div>
    }
    .into_any()
}

/// What was read, and from there on what comes.
#[component]
fn TailView(
    /// The newest events and their histogram.
    tail: Tail,
    /// What the URL says.
    query: Memo<LiveQuery>,
    /// The same without the event in the drawer.
    shown: Memo<LiveQuery>,
) -> impl IntoView {
    let Tail {
        page,
        histogram,
        rate: first_rate,
    } = tail;
    let live = expect_context::<Live>();
    let state = shown.get_untracked();
    let history = state.is_history();
    let empty = page.head.0 == 0;
    let head = page.head;
    let next = page.next;
    // A page with room left, and a place to go on from: the server has not looked through everything.
    let looked_to = next.filter(|_| page.events.len() < SLOTS);
    let buffer = RwSignal::new(Buffer::new(page.events));
    let still = RwSignal::new(false);
    let paused = RwSignal::new(history);
    let top = RwSignal::new(0_u32);
    let bars = RwSignal::new(histogram);
    Effect::new(move || {
        let hold = still.get() || paused.get();
        buffer.update(|buffer| buffer.hold(hold));
    });
    if !history {
        let filter = state.filter.clone();
        Effect::new(move || {
            socket::follow(filter.clone(), head, buffer);
            on_cleanup(move || socket::unfollow(buffer));
        });
        let filter = state.filter.clone();
        Effect::new(move || {
            let filter = filter.clone();
            let refresh = move || {
                let filter = filter.clone();
                if !paused.get_untracked() {
                    leptos::task::spawn_local(async move {
                        if let Some(mark) = live.mark.get_untracked()
                            && let Some(fresh) =
                                read_histogram(&Api::from_context(), mark.seen_at, None, &filter)
                                    .await
                        {
                            let _ = bars.try_set(Some(fresh));
                        }
                    });
                }
            };
            if let Ok(handle) = set_interval_with_handle(refresh, Duration::from_secs(5)) {
                on_cleanup(move || handle.clear());
            }
        });
    }
    let held = Memo::new(move |_| buffer.with(Buffer::held));
    let resume = move |_| {
        paused.set(false);
        buffer.update(|buffer| buffer.hold(false));
        top.update(|top| *top += 1);
    };
    let rate = move || {
        let rate = live
            .mark
            .with(|mark| mark.as_ref().map(|mark| mark.rate))
            .or(first_rate);
        rate.map_or_else(
            || "… / s".to_owned(),
            |rate| format!("{} / s", format::rate(rate)),
        )
    };
    let controls = if history {
        let back = LiveQuery {
            range: None,
            before: None,
            ..state.clone()
        }
        .href();
        view! {
            <span class="pill">"history"</span>
            <a class="button" href=back>
                "Back to live"
            </a>
        }
        .into_any()
    } else {
        view! {
            <span class="pill mono" title="Events recorded per second">
                {rate}
            </span>
            <button type="button" aria-pressed=move || paused.get().to_string() on:click=move |_| paused.update(|paused| *paused = !*paused)>
                {move || if paused.get() { "▶ Resume" } else { "❚❚ Pause" }}
            </button>
            <button type="button" class="go" class:hidden=move || held.get() == 0 on:click=resume>
                {move || format!("{} new", format::number(i64::try_from(held.get()).unwrap_or(i64::MAX)))}
            </button>
        }
        .into_any()
    };
    let oldest = buffer.with_untracked(Buffer::oldest);
    let (older, looked) = further(&state, next, looked_to, oldest);
    let without = Memo::new(move |_| buffer.with(Buffer::is_empty));
    let nothing = move || {
        (without.get() && looked_to.is_none()).then(|| {
            if empty {
                view! { <EmptyStore /> }.into_any()
            } else {
                view! {
                    <p class="notice" role="status">
                        "No event matches. Events that match appear here when they are recorded."
                    </p>
                }
                .into_any()
            }
        })
    };
    view! {
        <Bars bars shown />
        <div class="bar controls">{controls} <span class="grow"></span> {older}</div>
        {nothing}
        {looked}
        <LiveRows buffer query still top />
    }
    .into_any()
}

/// The way to what is older; and, if the server has stopped looking, how far it has come.
fn further(
    state: &LiveQuery,
    next: Option<Position>,
    looked_to: Option<Position>,
    oldest: Option<Position>,
) -> (Option<AnyView>, Option<AnyView>) {
    let older = next.map(|next| {
        let href = LiveQuery {
            before: Some(looked_to.or(oldest).unwrap_or(next).0),
            ..state.clone()
        }
        .href();
        let words = if looked_to.is_some() {
            "Look further back"
        } else {
            "Older events"
        };
        view! {
            <a class="button quiet" href=href>
                {words}
            </a>
        }
        .into_any()
    });
    let looked = looked_to.map(|looked_to| {
        let words = format!(
            "Looked through the events back to position {}. Few of them match, so looking takes long: since:, a stream or a rarer type says where.",
            format::number(looked_to.0)
        );
        view! { <p class="notice">{words}</p> }.into_any()
    });
    (older, looked)
}

async fn read(api: Api, query: LiveQuery) -> Answer<Tail> {
    let filter = query.whole_filter();
    let page = api
        .events(&LogRequest {
            before: query.before,
            backward: true,
            limit: SLOTS,
            filter,
            ..LogRequest::default()
        })
        .await?;
    let mark = api.store().await.ok().map(|facts| facts.mark);
    let rate = mark.as_ref().map(|mark| mark.rate);
    let histogram = match mark {
        Some(mark) => read_histogram(&api, mark.seen_at, query.range, &query.filter).await,
        None => None,
    };
    Ok(Tail {
        page,
        histogram,
        rate,
    })
}

/// What a filter line can complete.
pub(super) async fn read_words(api: Api) -> Words {
    let types = api.event_types().await.unwrap_or_default();
    let categories = api.categories().await.unwrap_or_default();
    let mut fields: Vec<String> = types
        .iter()
        .flat_map(|summary| summary.shape.iter().map(|shape| shape.path.clone()))
        .collect();
    fields.sort();
    fields.dedup();
    Words {
        types: types
            .into_iter()
            .map(|summary| summary.event_type)
            .collect(),
        categories: categories
            .into_iter()
            .map(|summary| summary.category)
            .collect(),
        fields,
    }
}
