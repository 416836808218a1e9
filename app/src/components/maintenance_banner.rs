//! The banner of every page while maintenance is on: since when, who, why, and the way out.

use highwater_model::{MaintenanceAnswer, Right};
use jiff::Timestamp;
use leptos::prelude::*;

use super::zone;
use crate::api::{Answer, Api};
use crate::format;
use crate::live::{Live, maintenance_now};
use crate::me::Me;

/// The banner; nothing while maintenance is off.
#[component]
pub fn MaintenanceBanner(
    /// What the server said when the page was rendered; the feed says what becomes of it.
    asked: Resource<Answer<MaintenanceAnswer>>,
) -> impl IntoView {
    let me = expect_context::<Me>();
    let banner = move || {
        Suspend::new(async move {
            let first = asked.await.ok().and_then(|now| now.maintenance);
            let may = me.asked().await.is_ok_and(|who| who.may(Right::Operate));
            let now = maintenance_now(first);
            move || {
                let on = now.get()?;
                Some(view! { <Banner at=on.since told=on.told() may /> })
            }
        })
    };
    view! { <Suspense fallback=|| ()>{banner}</Suspense> }.into_any()
}

/// Maintenance that is on.
#[component]
fn Banner(
    /// Since when.
    at: Timestamp,
    /// Who and why, as far as whoever looks may know.
    told: Option<String>,
    /// Whoever looks may end it.
    may: bool,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let zone = zone();
    let title = told.clone();
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a clock")]
    let since = Memo::new(move |_| {
        let now = live.now.get().map(|now| now as i64);
        format::since(at, now, zone.at(at))
    });
    view! {
        <aside class="maintenance" aria-label="Maintenance">
            <i class="shape" aria-hidden="true">
                "▲"
            </i>
            <p role="status">
                "Maintenance since " <time datetime=at.to_string() title=at.to_string()>
                    {since}
                </time> ": all read models are paused. " <span title=title>{told}</span>
            </p>
            {may.then(|| view! { <End /> })}
        </aside>
    }
    .into_any()
}

/// Ends it.
#[component]
fn End() -> impl IntoView {
    let live = expect_context::<Live>();
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<String>);
    let end = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failed.set(None);
        leptos::task::spawn_local(async move {
            match Api::from_context().end_maintenance().await {
                // The feed says so in a moment, too.
                Ok(()) => live.maintenance.set(Some(MaintenanceAnswer::default())),
                Err(error) => drop(failed.try_set(Some(error.nothing_changed()))),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <button type="button" aria-disabled=move || busy.get().then_some("true") on:click=end>
            "End maintenance"
        </button>
        <p class="bad" role="alert">
            {move || failed.get()}
        </p>
    }
    .into_any()
}
