//! The mark on the overview: where it stands, how old it is, what holds it.

use highwater_model::{MarkHolder, StoreFacts};
use leptos::prelude::*;

use super::overview_verdict::held;
use crate::format;
use crate::live::Live;

/// The mark and who is at it.
#[component]
pub fn MarkCard(
    /// What the store says.
    facts: RwSignal<StoreFacts>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let mark = Memo::new(move |_| {
        live.mark
            .get()
            .unwrap_or_else(|| facts.with(|facts| facts.mark.clone()))
    });
    let place = move || {
        let (position, id) = mark.with(|mark| (format::number(mark.position.0), mark.event_id));
        match id {
            Some(id) => view! { <a href=format!("/events/{id}")>{position}</a> }.into_any(),
            None => position.into_any(),
        }
    };
    let age = move || {
        let (recorded, seen) = mark.with(|mark| (mark.recorded_at, mark.seen_at));
        let Some(recorded) = recorded else {
            return "none yet".to_owned();
        };
        // By the server's clock, and from its last word on by the browser's: the two need not agree.
        let since = live.now.get().zip(live.heard_at.get());
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds")]
        let since = since.map_or(0, |(now, heard)| (now - heard).max(0.0) as i64);
        let age = seen.as_millisecond() - recorded.as_millisecond() + since;
        // Tenths that run on would be read for news.
        if age < 1_000 {
            "just now".to_owned()
        } else {
            format!("{} ago", format::span(age / 1_000 * 1_000))
        }
    };
    let said = Memo::new(move |_| facts.with(|facts| what_holds(&facts.holders)));
    let class = move || if said.get().0 { "held bad" } else { "held" };
    let holders = move || facts.with(|facts| holders_view(&facts.holders));
    let (events, streams, size) = (
        // Positions are dense: there are as many events as the newest one says.
        Memo::new(move |_| mark.with(|mark| format::number(mark.position.0))),
        Memo::new(move |_| facts.with(|facts| format::number(facts.streams))),
        Memo::new(move |_| facts.with(|facts| format::bytes(facts.database_bytes))),
    );
    view! {
        <section class="card mark" aria-label="High-water mark">
            <h3>"High-water mark"</h3>
            <dl class="facts">
                <dt>"stands at"</dt>
                <dd class="mono">{place}</dd>
                <dt>"newest event"</dt>
                <dd>
                    <a href="/live">{age}</a>
                </dd>
                <dt>"held by"</dt>
                <dd class=class>
                    <a href="/store">{move || said.get().1}</a>
                    {holders}
                </dd>
                <dt>"events"</dt>
                <dd>
                    <a href="/types">{events}</a>
                    " in "
                    <a href="/streams">{streams}</a>
                    " streams"
                </dd>
                <dt>"database"</dt>
                <dd>
                    <a href="/store">{size}</a>
                </dd>
            </dl>
        </section>
    }
    .into_any()
}

/// True when appends suffer, and the words.
fn what_holds(holders: &[MarkHolder]) -> (bool, String) {
    let open = holders
        .iter()
        .filter(|holder| holder.what == "open")
        .count();
    match (held(holders), open) {
        (Some(holder), _) => (true, format!("process {}: nobody can append", holder.pid)),
        (None, 0) => (false, "nothing".to_owned()),
        (None, 1) => (
            false,
            "nothing; one transaction has open appends".to_owned(),
        ),
        (None, count) => (
            false,
            format!("nothing; {count} transactions have open appends"),
        ),
    }
}

/// The oldest of those at the log, a line each.
fn holders_view(holders: &[MarkHolder]) -> Vec<AnyView> {
    let mut oldest: Vec<&MarkHolder> = holders
        .iter()
        .filter(|holder| holder.what == "open" || holder.seconds > 1.0)
        .collect();
    oldest.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    oldest
        .into_iter()
        .take(3)
        .map(|holder| {
            let what = match holder.what.as_str() {
                "holds" => "holds the log",
                "waits" => "waits for it",
                _ => "has open appends",
            };
            let who = if holder.application.is_empty() {
                format!("process {}", holder.pid)
            } else {
                holder.application.clone()
            };
            #[expect(clippy::cast_possible_truncation, reason = "an age in milliseconds")]
            let age = format::span((holder.seconds * 1_000.0) as i64);
            view! { <span class="dim">{format!("{who} {what}, {age}")}</span> }.into_any()
        })
        .collect()
}
