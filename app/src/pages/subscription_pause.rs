//! The button that pauses and resumes a subscription.

use highwater_model::{Right, SubscriptionState};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::subscription_orders::Shown;
use crate::api::SubscriptionOrder as Order;
use crate::components::may::Needs;

/// Pauses what runs, resumes what is paused.
#[component]
pub fn PauseButton(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let paused = Memo::new(move |_| {
        shown
            .subscription
            .with(|of| of.state == SubscriptionState::Paused)
    });
    let button = NodeRef::<leptos::html::Button>::new();
    let hash = use_location().hash;
    // Who was led here gives the order by one more key.
    Effect::new(move |_| {
        if let (Some(button), "#pause") = (button.get(), hash.get().as_str()) {
            // It is made before it is part of the page, and takes no focus until then.
            request_animation_frame(move || {
                let _ = button.focus();
            });
        }
    });
    let give = move |_| {
        shown.give(if paused.get_untracked() {
            Order::Resume
        } else {
            Order::Pause
        });
    };
    view! {
        <Needs right=Right::Operate>
            <button
                type="button"
                id="pause"
                node_ref=button
                class:hidden=move || shown.gone.get()
                aria-disabled=move || shown.busy.get().then_some("true")
                on:click=give
            >
                {move || if paused.get() { "▶ Resume" } else { "❚❚ Pause" }}
            </button>
        </Needs>
    }
    .into_any()
}
