//! A service on the Stage: how it is, what waits for it, and what can be done to it.

use highwater_model::demo::{DemoService, DemoServiceState, DemoServiceWish};
use highwater_model::{Right, Subscription};
use leptos::prelude::*;

use super::stage_scene::Shown;
use crate::api::{Api, DemoOrder, escape};
use crate::components::may::Needs;
use crate::components::subscription_state::present;
use crate::format;

/// How a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Somebody reads.
    pub is_there: bool,
    /// An operator paused it.
    pub is_paused: bool,
}

impl Standing {
    /// Of a subscription.
    pub fn of(subscription: &Subscription) -> Self {
        let is_paused = subscription.state == highwater_model::SubscriptionState::Paused;
        Self {
            is_there: present(subscription) > 0 && !is_paused,
            is_paused,
        }
    }
}

/// One service.
#[component]
pub fn ServiceCard(
    /// Its name.
    name: String,
    /// The Stage.
    shown: Shown,
) -> impl IntoView {
    let of = StoredValue::new(name.clone());
    let waits =
        Memo::new(move |_| of.with_value(|name| shown.backlog.with(|backlog| backlog.of(name))));
    let emitted = Memo::new(move |_| {
        of.with_value(|name| {
            shown
                .emitted
                .with(|all| all.get(name).copied().unwrap_or(0))
        })
    });
    let service = Memo::new(move |_| of.with_value(|name| shown.service(name)));
    let standing =
        Memo::new(move |_| of.with_value(|name| shown.standing.with(|all| all.get(name).copied())));
    let how = move || {
        if shown.is_film {
            (Look::There, "")
        } else {
            how(service.get().as_ref(), standing.get())
        }
    };
    let hears = !shown.is_film && shown.cast.with_value(|cast| cast.hears(&name));
    let controls = !shown.is_onlooker && shown.service(&name).is_some();
    // What it handles and emits, with the events behind that.
    let title = if shown.is_onlooker {
        name.clone().into_any()
    } else {
        view! { <a href=format!("/flow-map?at={}", escape(&name))>{name.clone()}</a> }.into_any()
    };
    view! {
        <article class="actor" class=("away", move || how().0 == Look::Away) class=("slow", move || how().0 == Look::Slow)>
            <h2>{title}</h2>
            {(!shown.is_film).then(|| view! { <p class="how">{move || how().1}</p> })}
            {hears
                .then(|| {
                    view! {
                        <p class="waits" class:many=move || { waits.get() > 20 }>
                            {move || match waits.get() {
                                0 => "nothing waits".to_owned(),
                                waits => format!("{} waiting", format::number(waits)),
                            }}
                        </p>
                    }
                })}
            <p class="dim">{move || said(emitted.get())}</p>
            {controls.then(|| view! { <Controls name shown service hears /> })}
        </article>
    }
    .into_any()
}

/// What it has emitted since the page was opened; nothing of one that has not.
fn said(emitted: u64) -> Option<String> {
    let emitted = i64::try_from(emitted).ok().filter(|emitted| *emitted > 0)?;
    Some(format!("{} emitted", format::number(emitted)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    There,
    Slow,
    Away,
}

/// How it looks, and the words for it.
fn how(service: Option<&DemoService>, standing: Option<Standing>) -> (Look, &'static str) {
    match (service.map(|service| service.state), standing) {
        (Some(DemoServiceState::Stopped), _) => (Look::Away, "■ stopped"),
        (Some(DemoServiceState::Crashed), _) => (Look::Away, "✕ crashed, comes back"),
        (
            _,
            Some(Standing {
                is_paused: true, ..
            }),
        ) => (Look::Away, "❚❚ paused"),
        (Some(DemoServiceState::Slow), _) => (Look::Slow, "◐ slow"),
        (Some(DemoServiceState::Running), _) => (Look::There, "● running"),
        (
            None,
            Some(Standing {
                is_there: false, ..
            }),
        ) => (Look::Away, "○ nobody reads"),
        (None, Some(_)) => (Look::There, "● reading"),
        (None, None) => (Look::There, "● emitting"),
    }
}

/// What can be done to a service of the demo shop.
#[component]
fn Controls(
    /// Its name.
    name: String,
    /// The Stage.
    shown: Shown,
    /// How it is.
    service: Memo<Option<DemoService>>,
    /// It handles events, so it can be slower.
    hears: bool,
) -> impl IntoView {
    let of = StoredValue::new(name.clone());
    let give = move |order: DemoOrder| {
        let name = of.get_value();
        leptos::task::spawn_local(async move {
            let failed = Api::from_context().order_demo(&name, order).await.err();
            let _ = shown.failed.try_set(failed.map(|error| error.to_string()));
            shown.ask_demo();
        });
    };
    let state = move || service.get().map(|service| service.state);
    let at_work = move || state().is_some_and(DemoServiceState::is_at_work);
    let running = move || state() == Some(DemoServiceState::Running);
    let be = DemoOrder::Be;
    let button = move |words: &'static str,
                       label: String,
                       order: DemoOrder,
                       shown: Signal<bool>| {
        view! {
            <button type="button" class:hidden=move || !shown.get() aria-label=label on:click=move |_| give(order)>
                {words}
            </button>
        }
    };
    view! {
        <Needs right=Right::Administer quiet=true>
            <p class="orders">
                {button("Start", format!("Start {name}"), be(DemoServiceWish::Running), Signal::derive(move || !running()))}
                {button(
                    "Slow",
                    format!("Slow {name} down"),
                    be(DemoServiceWish::Slow),
                    Signal::derive(move || hears && running()),
                )}
                {button("Stop", format!("Stop {name}"), be(DemoServiceWish::Stopped), Signal::derive(at_work))}
                {button("Crash", format!("Crash {name}"), DemoOrder::Crash, Signal::derive(at_work))}
            </p>
        </Needs>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_does_not_work_looks_away_whoever_sees_to_that() {
        let there = Some(Standing {
            is_there: true,
            is_paused: false,
        });
        let paused = Some(Standing {
            is_there: false,
            is_paused: true,
        });
        let unread = Some(Standing {
            is_there: false,
            is_paused: false,
        });
        let service = |state| {
            Some(DemoService {
                name: "payments".to_owned(),
                state,
                since: jiff::Timestamp::UNIX_EPOCH,
                pid: None,
                back_at: None,
                starts: 1,
            })
        };
        let look = |service: Option<DemoService>, standing| how(service.as_ref(), standing).0;
        // The others may still believe that it is there.
        assert_eq!(look(service(DemoServiceState::Crashed), there), Look::Away);
        assert_eq!(look(service(DemoServiceState::Stopped), there), Look::Away);
        assert_eq!(look(service(DemoServiceState::Running), paused), Look::Away);
        assert_eq!(look(service(DemoServiceState::Slow), there), Look::Slow);
        // It has just been started, and has not asked for events yet.
        assert_eq!(
            look(service(DemoServiceState::Running), unread),
            Look::There
        );
        assert_eq!(look(None, unread), Look::Away);
        assert_eq!(look(None, None), Look::There);
    }
}
