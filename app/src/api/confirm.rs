//! Orders in production: the server wants the name of what they act on typed. Whoever looks at the console is asked, by its one dialog,
//! and the order is sent again with what they typed; the page that gave it knows of nothing.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};

use highwater_model::{Approval, Problem};
use leptos::prelude::*;
use serde_json::Value;

use super::browser::{Sending, from_browser};
use super::{Answer, ApiError, accepted};

/// What an order says that was not confirmed.
pub(super) const UNCHANGED: &str = "Nothing was changed.";

/// Where orders of this browser wait: one may be given by what has no context any more.
static ASKED: OnceLock<Confirmations> = OnceLock::new();

/// An order that waits until a name was typed.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// The name.
    pub name: String,
    /// What the server looks after.
    pub environment: String,
    said: Arc<Mutex<Said>>,
}

/// What was said of it, and who waits for that.
#[derive(Debug, Default)]
struct Said {
    yes: Option<bool>,
    waiting: Option<Waker>,
}

/// The same order, not one of the same name.
impl PartialEq for Confirmation {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.said, &other.said)
    }
}

impl Confirmation {
    /// What a refusal wants typed; none: it is another refusal.
    fn of(problem: &Problem) -> Option<Self> {
        if problem.kind != "confirmation_needed" {
            return None;
        }
        let fact = |name: &str| problem.facts.get(name).and_then(Value::as_str);
        Some(Self {
            name: fact("confirm")?.to_owned(),
            environment: fact("environment")?.to_owned(),
            said: Arc::default(),
        })
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, yes: bool) {
        let waiting = {
            let mut said = self.said();
            said.yes = Some(yes);
            said.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Waits until it is said whether the order is meant.
    async fn is_meant(&self) -> bool {
        poll_fn(|context| {
            let mut said = self.said();
            if let Some(yes) = said.yes {
                return Poll::Ready(yes);
            }
            said.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Orders that wait until a name was typed, the oldest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Confirmations(RwSignal<Vec<Confirmation>>, RwSignal<Option<Approval>>);

impl Confirmations {
    /// From now on orders of this browser wait here. In an effect of the browser.
    pub fn take_orders(self) {
        // It fails only for a second console in one page, and then the first one asks.
        let _ = ASKED.set(self);
    }

    /// The order that is asked about now.
    pub fn first(self) -> Option<Confirmation> {
        self.0.with(|waiting| waiting.first().cloned())
    }

    /// The order that waits for a second person now, until it was said that it does.
    pub fn waits(self) -> RwSignal<Option<Approval>> {
        self.1
    }

    /// Says whether that order is meant.
    pub fn say(self, yes: bool) {
        if self.0.with_untracked(Vec::is_empty) {
            return;
        }
        let first = self.0.try_update(|waiting| waiting.remove(0));
        if let Some(first) = first {
            first.say(yes);
        }
    }

    async fn are_given(self, order: Confirmation) -> bool {
        let waiting = order.clone();
        let asked = self.0.try_update(|all| all.push(waiting));
        asked.is_some() && order.is_meant().await
    }
}

/// Sends what changes something, and again once it was confirmed where it has to be.
pub(super) async fn sent(sending: &Sending) -> Answer<String> {
    let answer = accepted(from_browser(sending, None).await);
    let Err(ApiError::Refused(problem)) = &answer else {
        return answer;
    };
    let (Some(order), Some(asked)) = (Confirmation::of(problem), ASKED.get()) else {
        return answer;
    };
    let name = order.name.clone();
    if asked.are_given(order).await {
        let answer = accepted(from_browser(sending, Some(&name)).await);
        if let Err(ApiError::Waits(approval)) = &answer {
            let _ = asked.1.try_set(Some(Approval::clone(approval)));
        }
        return answer;
    }
    Err(ApiError::Refused(Problem {
        detail: UNCHANGED.to_owned(),
        ..problem.clone()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_for(name: &str) -> Confirmation {
        let problem = Problem::new(428, "confirmation_needed", "Not confirmed", "Type it.");
        let problem = problem.with("confirm", name).with("environment", "shop eu");
        Confirmation::of(&problem).unwrap()
    }

    #[test]
    fn only_one_refusal_asks_for_a_name() {
        let order = asked_for("größe 1");
        assert_eq!((&*order.name, &*order.environment), ("größe 1", "shop eu"));
        let other = Problem::new(409, "refused", "Refused", "It is paused already.");
        assert_eq!(Confirmation::of(&other.with("confirm", "orders")), None);
    }

    #[test]
    fn two_orders_of_one_name_are_two() {
        let (one, other) = (asked_for("orders"), asked_for("orders"));
        assert_eq!(one, one.clone());
        assert_ne!(one, other);
        one.say(false);
        assert_eq!((one.said().yes, other.said().yes), (Some(false), None));
    }
}
