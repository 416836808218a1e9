//! Events that a subscription's members could not handle: what is wrong, give again, or leave out with a reason.

use highwater_model::{ParkedEvent, Position, Right};
use leptos::prelude::*;

use super::read_model_orders::SaidLine;
use super::subscription_orders::Shown;
use crate::api::{SubscriptionOrder as Order, escape};
use crate::components::may::Needs;
use crate::components::read_model_state::counted;
use crate::components::reason_form::ReasonForm;
use crate::components::{Time, TypeName};
use crate::format;

/// What is about to be left out.
#[derive(Debug, Clone, PartialEq)]
enum Leaving {
    One(ParkedEvent),
    All,
}

/// The section.
#[component]
pub fn ParkedSection(
    /// The page's subscription.
    shown: Shown,
) -> impl IntoView {
    let here = shown.apart();
    let leaving = RwSignal::new(None::<Leaving>);
    let none = Memo::new(move |_| here.parked.with(Vec::is_empty));
    let busy = move || here.busy.get().then_some("true");
    let unlisted = move || {
        let (listed, all) = (
            here.parked.with(Vec::len),
            here.subscription.with(|of| of.parked),
        );
        let listed = i64::try_from(listed).unwrap_or(i64::MAX);
        (listed < all && listed > 0).then(|| {
            format!(
                "The oldest {} of {} are listed.",
                format::number(listed),
                format::number(all)
            )
        })
    };
    view! {
        <section id="parked">
            <div class="bar">
                <h2>"Parked events"</h2>
                <span class="grow"></span>
                <Needs right=Right::Operate>
                    <button
                        type="button"
                        class:hidden=move || none.get()
                        aria-disabled=busy
                        on:click=move |_| here.give(Order::Retry { positions: None })
                    >
                        "Retry all"
                    </button>
                    <button type="button" class="quiet" class:hidden=move || none.get() on:click=move |_| leaving.set(Some(Leaving::All))>
                        "Leave all out…"
                    </button>
                </Needs>
            </div>
            <SaidLine said=here.said />
            {move || leaving.get().map(|what| view! { <LeaveOut here leaving what /> })}
            <p class="dim" class:hidden=move || !none.get()>
                "None. An event that fails too often comes here and waits for you; its stream goes on."
            </p>
            <p class="dim" class:hidden=move || unlisted().is_none()>
                {unlisted}
            </p>
            <div class="card scroll" class:hidden=move || none.get() tabindex="0" role="region" aria-label="Parked events, oldest first">
                <table class="parked-events">
                    <thead>
                        <tr>
                            <th class="n">"event"</th>
                            <th>"stream"</th>
                            <th>"type"</th>
                            <th class="n">"failures"</th>
                            <th>"error"</th>
                            <th>"parked"</th>
                            <th>"what to do"</th>
                        </tr>
                    </thead>
                    <tbody>
                        // Rows that stay keep their buttons, and so the focus.
                        <For each=move || here.parked.get() key=|one| (one.position, one.parked_at) children=move |one| row(one, here, leaving) />
                    </tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(one: ParkedEvent, here: Shown, leaving: RwSignal<Option<Leaving>>) -> AnyView {
    let position = one.position;
    let number = format::number(position.0);
    let asked = one.clone();
    view! {
        <tr>
            <td class="n">
                <a href=format!("/events/{}", one.event_id)>{number.clone()}</a>
            </td>
            <td class="mono">
                <a href=format!("/streams/{}", escape(&one.stream))>{one.stream.clone()}</a>
            </td>
            <td>
                <TypeName name=one.event_type />
            </td>
            <td class="n">{format::number(i64::from(one.failures))}</td>
            <td class="mono wrap">{one.error}</td>
            <td class="mono dim">
                <Time at=one.parked_at />
            </td>
            <td>
                <div class="bar">
                    <Needs right=Right::Operate quiet=true>
                        <button
                            type="button"
                            aria-label=format!("Retry event {number}")
                            aria-disabled=move || here.busy.get().then_some("true")
                            on:click=move |_| here.give(Order::Retry { positions: Some(vec![position]) })
                        >
                            "Retry"
                        </button>
                        <button
                            type="button"
                            class="quiet"
                            aria-label=format!("Leave out event {number}…")
                            on:click=move |_| leaving.set(Some(Leaving::One(asked.clone())))
                        >
                            "Leave out…"
                        </button>
                    </Needs>
                </div>
            </td>
        </tr>
    }
    .into_any()
}

/// Says what leaving out does, and asks why.
#[component]
fn LeaveOut(
    /// The page's subscription.
    here: Shown,
    /// Emptied when it is ordered or not wanted any more.
    leaving: RwSignal<Option<Leaving>>,
    /// What is to be left out.
    what: Leaving,
) -> impl IntoView {
    let form = NodeRef::<leptos::html::Div>::new();
    // It was asked for: the next key goes into the field. The form is made before it is part of the page, and takes no focus until then.
    Effect::new(move |_| {
        let Some(form) = form.get() else {
            return;
        };
        request_animation_frame(move || {
            let field = form.query_selector("input").ok().flatten();
            if let Some(field) = field {
                let field: web_sys::HtmlElement = wasm_bindgen::JsCast::unchecked_into(field);
                let _ = field.focus();
            }
        });
    });
    let positions: Option<Vec<Position>> = match &what {
        Leaving::One(one) => Some(vec![one.position]),
        Leaving::All => None,
    };
    let give = Callback::new(move |reason: String| {
        let positions = positions.clone();
        leaving.set(None);
        here.give(Order::LeaveOut { positions, reason });
    });
    let button = match what {
        Leaving::One(_) => "Leave it out",
        Leaving::All => "Leave all out",
    };
    view! {
        <div class="notice" node_ref=form>
            {facts(what, here)}
            <div class="order-line">
                <ReasonForm
                    label="Why (the audit log keeps it)"
                    button=Signal::stored(button.to_owned())
                    needed=true
                    busy=here.busy
                    give
                />
                <button type="button" class="quiet" on:click=move |_| leaving.set(None)>
                    "Not now"
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// How it is, and how it will be.
fn facts(what: Leaving, here: Shown) -> AnyView {
    let given = match what {
        Leaving::One(_) => "it",
        Leaving::All => "them",
    };
    let then = format!(
        "no member is ever given {given}, unless a replay goes back behind that; the log is not touched"
    );
    let now = move || match &what {
        Leaving::One(one) => format!(
            "event {} of {} has failed {}: {}",
            format::number(one.position.0),
            one.stream,
            counted(i64::from(one.failures), "time", "times"),
            one.error
        ),
        Leaving::All => here.subscription.with(|of| {
            let events = counted(of.parked, "event waits", "events wait");
            format!("{events} here for a retry")
        }),
    };
    view! {
        <dl class="facts plan">
            <dt>"now"</dt>
            <dd>{now}</dd>
            <dt>"then"</dt>
            <dd>{then}</dd>
            <dt>"on record"</dt>
            <dd>"which, who, when and why stand in the audit log"</dd>
        </dl>
    }
    .into_any()
}
