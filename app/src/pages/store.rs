//! The store explained: where the mark stands, who holds it or waits for it, how large everything is and how it grows.

use highwater_model::{CategorySummary, MarkHolder, StoreFacts, StoreSizes, TailFacts};
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::store_checks::Checks;
use super::store_sizes::{categories_view, growth_view, sizes_view};
use crate::api::{Answer, Api};
use crate::components::Time;
use crate::components::problem::ErrorNotice;
use crate::format;
use crate::live::on_pulse;

/// The page is not read again more often than this.
const APART_MS: f64 = 900.0;
/// Seconds after which an open append is called old.
const OLD: f64 = 10.0;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) facts: StoreFacts,
    pub(super) sizes: StoreSizes,
    pub(super) categories: Vec<CategorySummary>,
}

async fn read(api: Api) -> Answer<Found> {
    Ok(Found {
        facts: api.store().await?,
        sizes: api.store_sizes().await?,
        categories: api.categories().await?,
    })
}

/// The store as a whole.
#[component]
pub fn StorePage() -> impl IntoView {
    let first = Resource::new(|| (), |()| read(Api::from_context()));
    let fresh = RwSignal::new(None::<Found>);
    on_pulse(APART_MS, move || {
        Box::pin(async move {
            if let Ok(found) = read(Api::from_context()).await {
                let _ = fresh.try_set(Some(found));
            }
        })
    });
    view! {
        <Title text="Store" />
        <h1>"Store"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match first.await {
                    Ok(found) => {
                        let now = Signal::derive(move || fresh.get().unwrap_or_else(|| found.clone()));
                        store_view(now).into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn store_view(now: Signal<Found>) -> impl IntoView {
    view! {
        {move || now.with(|now| mark_view(&now.facts))}
        <Checks />
        {move || now.with(growth_view)}
        {categories_view(Memo::new(move |_| now.with(|now| now.categories.clone())))}
        {sizes_view(Memo::new(move |_| now.with(|now| now.sizes.relations.clone())))}
        {about_view(&now.with_untracked(|now| now.facts.clone()))}
    }
}

/// The mark, and who is at it.
fn mark_view(facts: &StoreFacts) -> AnyView {
    let mark = &facts.mark;
    let newest = mark.recorded_at.map(|at| {
        view! {
            <div>
                <dt>"newest event"</dt>
                <dd>
                    <Time at />
                </dd>
            </div>
        }
    });
    let open = || facts.holders.iter().filter(|holder| holder.what == "open");
    let held = facts
        .holders
        .iter()
        .find(|holder| holder.what == "holds" && holder.seconds > 1.0);
    let (class, words) = match (held, open().count()) {
        (Some(holder), _) => (
            "notice bad",
            format!(
                "Process {} has held the log for {}: nobody can append until it commits or ends.",
                holder.pid,
                format::span(milliseconds(holder.seconds))
            ),
        ),
        (None, 0) => (
            "notice",
            "Nothing holds the mark, and no transaction has open appends.".to_owned(),
        ),
        (None, 1) => (
            "notice",
            "Nothing holds the mark. One transaction has appended in SQL and not committed: its events get their positions when it does, and only its own streams wait for it."
                .to_owned(),
        ),
        (None, count) => (
            "notice",
            format!(
                "Nothing holds the mark. {count} transactions have appended in SQL and not committed: their events get their positions when they do, and only their own streams wait for them."
            ),
        ),
    };
    let holders = (!facts.holders.is_empty()).then(|| holders_view(&facts.holders));
    let blind = (!facts.rights.sees_sessions).then(|| {
        view! {
            <p class="dim">
                "What sessions of other users do is not told to " <code>{facts.rights.user.clone()}</code> ". An administrator may run: "
                <code>{format!("grant pg_read_all_stats to {};", facts.rights.user)}</code>
            </p>
        }
    });
    view! {
        <dl class="card cards">
            <div>
                <dt>"high-water mark"</dt>
                <dd class="mono">{format::number(mark.position.0)}</dd>
            </div>
            {newest}
            <div>
                <dt>"appended, events a second"</dt>
                <dd>{format::rate(mark.rate)}</dd>
            </div>
            {tail_view(&facts.tail)}
            <div>
                <dt>"events"</dt>
                <dd>
                    <a href="/types">{format::number(facts.events)}</a>
                </dd>
            </div>
            <div>
                <dt>"streams"</dt>
                <dd>
                    <a href="/streams">{format::number(facts.streams)}</a>
                </dd>
            </div>
        </dl>
        <section class="store-mark" aria-label="What holds the mark">
            <p class=class role="status">
                {words}
            </p>
            {holders}
            {blind}
        </section>
    }
    .into_any()
}

/// How this server hears of appends, and how it makes them.
fn tail_view(tail: &TailFacts) -> AnyView {
    let told = tail.told_ms_ago.map_or_else(|| "not yet".to_owned(), ago);
    let batch = tail.batch_events.zip(tail.batch_ms).map_or_else(
        || "none lately".to_owned(),
        |(events, ms)| format!("{} in {} ms", format::rate(events), format::rate(ms)),
    );
    view! {
        <div>
            <dt>"a batch, events"</dt>
            <dd>{batch}</dd>
        </div>
        <div title="The database tells each server of appends; a server that is told nothing looks once a second.">
            <dt>"told of an append"</dt>
            <dd>{told}</dd>
        </div>
        <div>
            <dt>"looked at the log"</dt>
            <dd>{ago(tail.looked_ms_ago)}</dd>
        </div>
    }
    .into_any()
}

fn ago(milliseconds: i64) -> String {
    format!("{} ago", format::span(milliseconds))
}

#[expect(clippy::cast_possible_truncation, reason = "an age in milliseconds")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

fn holders_view(holders: &[MarkHolder]) -> AnyView {
    let rows = holders
        .iter()
        .map(|holder| {
            let what = match holder.what.as_str() {
                "holds" => "holds the log",
                "waits" => "waits for the log",
                _ => "has open appends",
            };
            let client = holder
                .client
                .clone()
                .unwrap_or_else(|| "on this machine".to_owned());
            let old = holder.seconds > OLD;
            view! {
                <tr class:old=old>
                    <td>{what}</td>
                    <td class="n">{format::span(milliseconds(holder.seconds))}</td>
                    <td>{holder.application.clone()}</td>
                    <td class="n">{holder.pid}</td>
                    <td>{holder.user.clone().unwrap_or_default()}</td>
                    <td>{client}</td>
                    <td>{holder.state.clone().unwrap_or_default()}</td>
                    <td class="mono dim data">{holder.statement.clone().unwrap_or_default()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="card scroll" tabindex="0" role="region" aria-label="Sessions at the log">
            <table>
                <thead>
                    <tr>
                        <th>"what"</th>
                        <th class="n">"for"</th>
                        <th>"application"</th>
                        <th class="n">"process"</th>
                        <th>"user"</th>
                        <th>"client"</th>
                        <th>"state"</th>
                        <th class="data">"statement"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn about_view(facts: &StoreFacts) -> AnyView {
    let limits = &facts.limits;
    let kept = if facts.embedded {
        ", started by Highwater"
    } else {
        ""
    };
    view! {
        <dl class="card facts about">
            <dt>"Postgres"</dt>
            <dd>{format!("{}{kept}", facts.postgres)}</dd>
            <dt>"Highwater"</dt>
            <dd>{format!("{}, schema {}", facts.highwater, facts.schema_version)}</dd>
            <dt>"limits"</dt>
            <dd>
                {format!(
                    "an event {}, an append {} events or {}",
                    format::bytes(i64::try_from(limits.event_bytes).unwrap_or(i64::MAX)),
                    limits.append_events,
                    format::bytes(i64::try_from(limits.append_bytes).unwrap_or(i64::MAX)),
                )}
            </dd>
        </dl>
    }
    .into_any()
}
