//! `/subscriptions/{name}`: who reads, how far are they, and what failed?

use highwater_model::SubscriptionState;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::Loading;
use super::read_model_orders::SaidLine;
use super::subscription_members::Members;
use super::subscription_move::MoveSection;
use super::subscription_numbers::{MadeOf, Numbers};
use super::subscription_orders::{Found, Shown, read};
use super::subscription_parked::ParkedSection;
use super::subscription_pause::PauseButton;
use super::subscription_settings::SettingsSection;
use crate::api::{Api, escape};
use crate::components::Time;
use crate::components::actions::Actions;
use crate::components::problem::{ErrorNotice, NotFound};
use crate::components::subscription_state::{Standing, StandingBadge};
use crate::components::version_numbers::VersionNumbers;
use crate::live::on_subscriptions;

/// One subscription.
#[component]
pub fn SubscriptionPage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name").unwrap_or_default()));
    let found = Resource::new(
        move || name.get(),
        |name| {
            let api = Api::from_context();
            async move { read(&api, &name).await }
        },
    );
    view! {
        <Title text=move || name.get() />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <One found /> }.into_any(),
                    Err(error) if error.is_not_found() => {
                        view! { <NotFound what=format!("There is no subscription {}.", name.get_untracked()) /> }.into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// What was found, and from there on what changes.
#[component]
fn One(
    /// Read when the page was rendered.
    found: Found,
) -> impl IntoView {
    let name = found.subscription.name.clone();
    let shown = Shown::new(found);
    on_subscriptions(move |said| shown.take_over(said));
    let standing = Memo::new(move |_| shown.subscription.with(Standing::of));
    let gone = move || shown.gone.get();
    view! {
        <div class="bar heading">
            <h1 class="mono-name">{name}</h1>
            <span class:hidden=gone>
                <StandingBadge standing />
            </span>
            <span class="grow"></span>
            <PauseButton shown />
        </div>
        <SaidLine said=shown.said />
        <Show when=move || !shown.gone.get() fallback=Gone>
            <Parts shown />
        </Show>
        <LastActions shown />
    }
    .into_any()
}

/// It was there, and is no more.
#[component]
fn Gone() -> impl IntoView {
    view! {
        <p class="notice">
            "This subscription is gone: it was removed. The log is not touched. "
            <a href="/read-models#subscriptions">"The others"</a>
        </p>
    }
    .into_any()
}

/// All that a subscription has that is there.
#[component]
fn Parts(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    view! {
        <Reason shown />
        <Numbers shown />
        <MadeOf shown />
        <Members shown />
        <ParkedSection shown />
        <MoveSection shown />
        <SettingsSection shown />
    }
    .into_any()
}

/// Since when it is paused, and why if somebody said so.
#[component]
fn Reason(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let paused = Memo::new(move |_| {
        shown.subscription.with(|subscription| {
            (subscription.state == SubscriptionState::Paused)
                .then(|| (subscription.since, subscription.reason.clone()))
        })
    });
    move || {
        let (since, reason) = paused.get()?;
        let reason = reason.map(|reason| format!(": {reason}"));
        Some(
            view! {
                <p class="notice">
                    <b>"Paused"</b>
                    " since "
                    <Time at=since />
                    {reason}
                    ". Members are given nothing; what they have may still be acknowledged."
                </p>
            }
            .into_any(),
        )
    }
}

/// What operators did to it.
#[component]
fn LastActions(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let name = shown.name();
    let audit = format!("/audit?subscription={}", escape(&name));
    let acted = Memo::new(move |_| shown.actions.get());
    view! {
        <section>
            <div class="bar">
                <h2>"Actions"</h2>
                <span class="grow"></span>
                <a href=audit>"All of them"</a>
            </div>
            {move || {
                let actions = acted.get();
                if actions.is_empty() {
                    view! { <p class="dim">"Nobody has done anything to it yet."</p> }.into_any()
                } else {
                    view! { <Actions actions of_many=false numbers=VersionNumbers::default() /> }.into_any()
                }
            }}
        </section>
    }
    .into_any()
}
