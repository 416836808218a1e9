//! Moving a subscription's checkpoint: back, so that events are given again, or forward, so that they are left out.

use highwater_model::{MovePlan, Position};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::read_model_orders::{Said, SaidLine};
use super::subscription_orders::Shown;
use crate::api::{Api, SubscriptionOrder as Order};
use crate::components::reason_form::ReasonForm;
use crate::format;

/// The section; closed until somebody wants it.
#[component]
pub fn MoveSection(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let here = shown.apart();
    let details = NodeRef::<leptos::html::Details>::new();
    let hash = use_location().hash;
    // Who was led here wants to see it.
    Effect::new(move |_| {
        if let (Some(details), "#replay") = (details.get(), hash.get().as_str()) {
            details.set_open(true);
        }
    });
    view! {
        <section id="replay" aria-label="Replay or skip">
            <details class="part roomy" node_ref=details>
                <summary>
                    <h2>"Replay or skip"</h2>
                </summary>
                <p class="dim">
                    "A position up to the checkpoint: the events from there on are given to members again. A position behind it: the events up to \
                    there are left out. The plan says which, and how many."
                </p>
                <SaidLine said=here.said />
                <Move here />
            </details>
        </section>
    }
    .into_any()
}

/// Asks for a plan, shows it, and takes the order.
#[component]
fn Move(
    /// What orders go through.
    here: Shown,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let plan = RwSignal::new(None::<MovePlan>);
    let ask = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        let Some(position) = position(&typed.get_untracked()) else {
            here.said.set(Some(Said::failed(
                "That is no position. Type one like 812; it stands in the list of events.",
            )));
            return;
        };
        let name = here.name();
        here.carry_out(Box::pin(async move {
            let _ = plan.try_set(None);
            let answer = Api::from_context().plan_move(&name, position).await?;
            let _ = plan.try_set(Some(answer));
            Ok(Said::done("Planned. Nothing is changed yet."))
        }));
    };
    let give = Callback::new(move |reason: String| {
        let Some(planned) = plan.get_untracked() else {
            return;
        };
        // Refused or taken: the next order needs a fresh plan.
        plan.set(None);
        here.give(if is_back(&planned) {
            Order::Replay {
                from: planned.to.next(),
                reason,
            }
        } else {
            Order::Skip {
                upto: planned.to,
                reason,
            }
        });
    });
    // A fresh form for each plan: the reason is one for this order.
    let order = move || {
        plan.get().map(|planned| {
            let button = if is_back(&planned) { "Replay" } else { "Skip" };
            view! {
                {facts(&planned)}
                <div class="order-line">
                    <ReasonForm
                        label="Why (the audit log keeps it)"
                        button=Signal::stored(button.to_owned())
                        needed=true
                        busy=here.busy
                        give
                    />
                    <button type="button" class="quiet" on:click=move |_| plan.set(None)>
                        "Not now"
                    </button>
                </div>
            }
        })
    };
    view! {
        <form class="reason" on:submit=ask>
            <label>
                "Position"
                <input
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    required
                    placeholder="812"
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
            </label>
            <button type="submit" aria-disabled=move || here.busy.get().then_some("true")>
                "Plan it"
            </button>
        </form>
        {order}
    }
    .into_any()
}

/// True for a replay.
fn is_back(plan: &MovePlan) -> bool {
    plan.to < plan.checkpoint
}

/// What a plan says.
fn facts(plan: &MovePlan) -> AnyView {
    let (from, to) = (format::number(plan.checkpoint.0), format::number(plan.to.0));
    let least = if plan.capped { "≥\u{2009}" } else { "" };
    let events = format!("{least}{} matching", format::number(plan.matching));
    let (order, then) = if is_back(plan) {
        (
            format!(
                "replay: events from {} on are given to members again",
                format::number(plan.to.next().0)
            ),
            "they handle these once more; what is parked from there on is given again, too",
        )
    } else {
        (
            format!(
                "skip: events up to {to} that are not acknowledged are never given to a member"
            ),
            "they stay in the log, and only a replay brings them; what is parked stays parked",
        )
    };
    view! {
        <dl class="facts plan">
            <dt>"order"</dt>
            <dd>{order}</dd>
            <dt>"checkpoint"</dt>
            <dd>{format!("{from} → {to}")}</dd>
            <dt>"events"</dt>
            <dd>{events}</dd>
            <dt>"then"</dt>
            <dd>{then}</dd>
        </dl>
    }
    .into_any()
}

/// A position as it was typed, with or without the spaces between thousands.
fn position(typed: &str) -> Option<Position> {
    let digits = typed.trim().replace(['\u{2009}', '\u{202f}', ' '], "");
    digits
        .parse()
        .ok()
        .filter(|position| *position > 0)
        .map(Position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_may_be_typed_as_it_is_shown() {
        assert_eq!(position(" 12\u{2009}345 "), Some(Position(12_345)));
        assert_eq!(position("0"), None);
        assert_eq!(position("yesterday"), None);
    }

    #[test]
    fn a_plan_is_a_replay_when_it_goes_back() {
        let plan = |to| MovePlan {
            checkpoint: Position(10),
            to: Position(to),
            matching: 1,
            capped: false,
        };
        assert!(is_back(&plan(9)));
        assert!(!is_back(&plan(11)));
    }
}
