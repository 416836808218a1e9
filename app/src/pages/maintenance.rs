//! The order that begins maintenance, on `/read-models`: what it does, and why it is given.

use highwater_model::{Maintenance, MaintenanceAnswer};
use leptos::prelude::*;

use super::orders::Orders;
use super::read_model_orders::{Said, SaidLine};
use crate::api::Api;
use crate::components::reason_form::ReasonForm;
use crate::live::{Live, maintenance_now};

/// Closed until somebody wants it, and not there while maintenance is on: the banner says that, and ends it.
#[component]
pub fn BeginMaintenance(
    /// The maintenance that was on when the page was rendered.
    first: Option<Maintenance>,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let now = maintenance_now(first);
    let is_on = Memo::new(move |_| now.with(Option::is_some));
    let orders = Orders::new();
    let give = Callback::new(move |reason: String| {
        orders.give(async move {
            let begun = Api::from_context().begin_maintenance(reason).await?;
            // The feed says so in a moment, too.
            live.maintenance.set(Some(MaintenanceAnswer {
                maintenance: Some(begun),
            }));
            Ok(Said::done(
                "Maintenance is on: no checkpoint moves until it is ended.",
            ))
        });
    });
    // What was said of it is over with it.
    Effect::new(move || {
        if !is_on.get() {
            orders.said.set(None);
        }
    });
    view! {
        <SaidLine said=orders.said />
        <Show when=move || !is_on.get()>
            <Begin orders give />
        </Show>
    }
    .into_any()
}

/// What follows from it, and the reason.
#[component]
fn Begin(
    /// What the order goes through.
    orders: Orders,
    /// Gives it.
    give: Callback<String>,
) -> impl IntoView {
    let details = NodeRef::<leptos::html::Details>::new();
    let close = move |_| {
        if let Some(details) = details.get_untracked() {
            details.set_open(false);
        }
    };
    view! {
        <details class="part roomy" node_ref=details>
            <summary>"Begin maintenance…"</summary>
            <dl class="facts plan">
                <dt>"order"</dt>
                <dd>"every read model of this store is paused, on all its servers; rebuilds too"</dd>
                <dt>"from then on"</dt>
                <dd>"no checkpoint moves; a slice that takes longer than a second is undone, and handled again afterwards"</dd>
                <dt>"goes on"</dt>
                <dd>"appends, subscriptions and the pages; rows grow old, and the lag with them"</dd>
                <dt>"refused"</dt>
                <dd>"to begin a rebuild, promote, go back, replay and skip, until it is ended"</dd>
                <dt>"then"</dt>
                <dd>"ending it lets run what ran before; what is paused by itself stays paused"</dd>
            </dl>
            <div class="order-line">
                <ReasonForm
                    label="Why (every page tells it, and the audit log keeps it)"
                    button=Signal::stored("Begin maintenance".to_owned())
                    needed=true
                    busy=orders.busy
                    give
                />
                <button type="button" class="quiet" on:click=close>
                    "Not now"
                </button>
            </div>
        </details>
    }
    .into_any()
}
