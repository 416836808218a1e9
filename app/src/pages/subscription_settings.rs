//! Changing what a subscription is made of, and removing it.

use highwater_model::filter::Filter;
use highwater_model::{Right, SubscriptionBody};
use leptos::prelude::*;

use super::read_model_orders::{Said, SaidLine};
use super::subscription_orders::Shown;
use crate::api::SubscriptionOrder as Order;
use crate::components::may::Needs;
use crate::components::read_model_state::counted;
use crate::components::reason_form::ReasonForm;

/// The section; closed until somebody wants it.
#[component]
pub fn SettingsSection(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    view! {
        <section id="change" aria-label="Change or remove">
            <details class="part roomy">
                <summary>
                    <h2>"Change or remove"</h2>
                </summary>
                <Change shown />
                <Remove shown />
            </details>
        </section>
    }
    .into_any()
}

/// What is typed into the form.
#[derive(Debug, Clone, Copy)]
struct Typed {
    filter: RwSignal<String>,
    attempts: RwSignal<String>,
    within: RwSignal<String>,
}

impl Typed {
    /// As the subscription is, and again whenever somebody changes it.
    fn of(shown: Shown) -> Self {
        let is = Memo::new(move |_| {
            shown.subscription.with(|of| {
                (
                    of.filter.clone(),
                    of.attempts.to_string(),
                    of.acknowledge_within_s.to_string(),
                )
            })
        });
        let (filter, attempts, within) = is.get_untracked();
        let typed = Self {
            filter: RwSignal::new(filter),
            attempts: RwSignal::new(attempts),
            within: RwSignal::new(within),
        };
        Effect::new(move |_| {
            let (filter, attempts, within) = is.get();
            typed.filter.set(filter);
            typed.attempts.set(attempts);
            typed.within.set(within);
        });
        typed
    }

    /// What differs from how the subscription is; a sentence when a number can't be read.
    fn body(self, shown: Shown) -> Result<SubscriptionBody, &'static str> {
        let number = |typed: RwSignal<String>| typed.get_untracked().trim().parse::<i32>();
        let filter = self.filter.get_untracked().trim().to_owned();
        let attempts = number(self.attempts).map_err(|_| "The number of failures is no number.")?;
        let within = number(self.within).map_err(|_| "The time to acknowledge is no number.")?;
        Ok(shown.subscription.with_untracked(|of| SubscriptionBody {
            filter: Some(filter).filter(|filter| *filter != of.filter),
            from: None,
            attempts: Some(attempts).filter(|attempts| *attempts != of.attempts),
            acknowledge_within_s: Some(within).filter(|within| *within != of.acknowledge_within_s),
        }))
    }
}

/// The form that changes it.
#[component]
fn Change(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let here = shown.apart();
    let typed = Typed::of(shown);
    let mistake = Memo::new(move |_| typed.filter.with(|line| Filter::parse(line).err()));
    let told = move || mistake.with(|mistake| mistake.as_ref().map(ToString::to_string));
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if mistake.with_untracked(Option::is_some) {
            return;
        }
        match typed.body(here) {
            Ok(body) if body == SubscriptionBody::default() => {
                here.said
                    .set(Some(Said::done("Nothing to change: it is like that.")));
            }
            Ok(body) => here.give(Order::Change(body)),
            Err(words) => here.said.set(Some(Said::failed(words))),
        }
    };
    view! {
        <SaidLine said=here.said />
        <form class="reason subscription-form" on:submit=submit>
            <Needs right=Right::Operate>
                <label>
                    "Filter: which events; empty for every event"
                    <input
                        type="text"
                        class="mono"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        placeholder="type:OrderPlaced"
                        aria-describedby="subscription-mistake"
                        aria-invalid=move || mistake.with(Option::is_some).then_some("true")
                        prop:value=move || typed.filter.get()
                        on:input=move |event| typed.filter.set(event_target_value(&event))
                    />
                </label>
                <label>
                    "Failures until it is parked"
                    <input
                        type="number"
                        required
                        min="1"
                        max="100"
                        prop:value=move || typed.attempts.get()
                        on:input=move |event| typed.attempts.set(event_target_value(&event))
                    />
                </label>
                <label>
                    "Seconds to acknowledge"
                    <input
                        type="number"
                        required
                        min="1"
                        max="3600"
                        prop:value=move || typed.within.get()
                        on:input=move |event| typed.within.set(event_target_value(&event))
                    />
                </label>
                <button type="submit" aria-disabled=move || here.busy.get().then_some("true")>
                    "Change"
                </button>
            </Needs>
        </form>
        <p class="mistake" id="subscription-mistake" role="status">
            {told}
        </p>
        <p class="dim">
            "Another filter counts for what has not been looked through yet; events that wait or are with members stay. It is on record."
        </p>
    }
    .into_any()
}

/// Says what removing does, asks why, and orders it.
#[component]
fn Remove(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let goes = move || {
        shown.subscription.with(|of| {
            let parked = counted(of.parked, "parked event", "parked events");
            format!("Removed, it forgets its checkpoint and {parked}, and its members are refused. The log is not touched.")
        })
    };
    // What comes of it stands above: this section goes with it.
    let give = Callback::new(move |reason: String| shown.give(Order::Remove { reason }));
    view! {
        <p>{goes}</p>
        <div class="order-line">
            <ReasonForm
                label="Why it is removed (the audit log keeps it)"
                button=Signal::stored("Remove".to_owned())
                needed=true
                quiet=true
                busy=shown.busy
                give
            />
        </div>
    }
    .into_any()
}
