//! How far a subscription is, in numbers, and what it is made of.

use leptos::prelude::*;

use super::subscription_orders::Shown;
use super::subscriptions::filter_words;
use crate::api::escape;
use crate::components::Time;
use crate::components::read_model_state::{counted, matching, positions, seconds};
use crate::format;

/// Lag, throughput, checkpoint, what is with members, what is parked.
#[component]
pub fn Numbers(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let of = shown.subscription;
    let number = move |what: fn(&highwater_model::Subscription) -> i64| {
        move || of.with(|of| format::number(what(of)))
    };
    let parked = Memo::new(move |_| of.with(|of| of.parked));
    let attempts = move || {
        of.with(|of| {
            let failures = counted(i64::from(of.attempts), "failure", "failures");
            format!("after {failures}")
        })
    };
    let waiting = move || {
        of.with(|of| match of.waiting {
            0 => "none waits for a retry".to_owned(),
            1 => "1 waits for a retry".to_owned(),
            many => format!("{} wait for a retry", format::number(many)),
        })
    };
    view! {
        <dl class="card numbers">
            <div>
                <dt>"lag"</dt>
                <dd>
                    <strong>{move || of.with(|of| seconds(of.lag))}</strong>
                    <span>{move || of.with(|of| format!("{} · {}", positions(of.lag), matching(of.lag)))}</span>
                </dd>
            </div>
            <div>
                <dt>"throughput"</dt>
                <dd>
                    <strong>{move || of.with(|of| format!("{} / s", format::rate(of.rate)))}</strong>
                    <span>{number(|of| of.acknowledged)} " acknowledged in all"</span>
                </dd>
            </div>
            <div>
                <dt>"checkpoint"</dt>
                <dd>
                    <strong>{number(|of| of.checkpoint.0)}</strong>
                    <span>"everything up to it is done with"</span>
                </dd>
            </div>
            <div>
                <dt>"unacknowledged"</dt>
                <dd>
                    <strong>{number(|of| of.unacknowledged)}</strong>
                    <span>{waiting}</span>
                </dd>
            </div>
            <div>
                <dt>"parked"</dt>
                <dd>
                    <strong class:bad=move || parked.get() != 0>{move || format::number(parked.get())}</strong>
                    <span>{attempts}</span>
                </dd>
            </div>
        </dl>
    }
    .into_any()
}

/// Which events it gets, and how long a member may take.
#[component]
pub fn MadeOf(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let of = shown.subscription;
    let filter = Memo::new(move |_| of.with(filter_words));
    let href = move || {
        of.with(|of| match of.filter.as_str() {
            "" => "/live".to_owned(),
            filter => format!("/live?filter={}", escape(filter)),
        })
    };
    let within =
        move || of.with(|of| format!("{} s", format::number(i64::from(of.acknowledge_within_s))));
    let attempts = move || {
        of.with(|of| match of.attempts {
            1 => "when it has failed once".to_owned(),
            many => format!("when it has failed {many} times"),
        })
    };
    let created = of.with_untracked(|of| of.created_at);
    view! {
        <dl class="card facts facts-card plan">
            <dt>"events"</dt>
            <dd class="mono">
                <a href=href>{move || filter.get()}</a>
            </dd>
            <dt>"to acknowledge"</dt>
            <dd>{within} ", then an event is taken back and given to another member"</dd>
            <dt>"parked"</dt>
            <dd>{attempts} "; its stream goes on"</dd>
            <dt>"made"</dt>
            <dd>
                <Time at=created />
            </dd>
        </dl>
    }
    .into_any()
}
