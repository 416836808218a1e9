//! Orders to one subscription: each is given, then checked by reading the state back, and the page says what came of it.

use std::pin::Pin;

use highwater_model::{Action, ParkedEvent, Subscription, SubscriptionState};
use jiff::Timestamp;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::orders::Orders;
use super::read_model_orders::{Said, wait};
use super::subscription_effect::effect;
use crate::api::{ActionsRequest, Answer, Api, SubscriptionOrder as Order};

/// How often the state is read back before the order counts as not taken effect, and the pause between.
const LOOKS: usize = 25;
const BETWEEN_MS: i32 = 200;
/// Parked events on the page.
pub const PARKED: usize = 100;

/// What is read of one subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The subscription.
    pub subscription: Subscription,
    /// Its oldest parked events.
    pub parked: Vec<ParkedEvent>,
    /// What operators did to it, the newest first.
    pub actions: Vec<Action>,
}

/// Reads it.
pub async fn read(api: &Api, name: &str) -> Answer<Found> {
    Ok(Found {
        subscription: api.subscription(name).await?,
        parked: api.parked_events(name, PARKED).await?,
        actions: api.actions(&last_actions(name)).await?,
    })
}

fn last_actions(name: &str) -> ActionsRequest {
    ActionsRequest {
        subscription: name.to_owned(),
        limit: 10,
        ..ActionsRequest::default()
    }
}

/// What the page shows of one subscription.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The subscription.
    pub subscription: RwSignal<Subscription>,
    /// Its oldest parked events.
    pub parked: RwSignal<Vec<ParkedEvent>>,
    /// What operators did to it.
    pub actions: RwSignal<Vec<Action>>,
    /// It was removed.
    pub gone: RwSignal<bool>,
    /// What came of the last order.
    pub said: RwSignal<Option<Said>>,
    /// An order is on its way.
    pub busy: RwSignal<bool>,
}

impl Shown {
    /// What was found.
    pub fn new(found: Found) -> Self {
        Self {
            subscription: RwSignal::new(found.subscription),
            parked: RwSignal::new(found.parked),
            actions: RwSignal::new(found.actions),
            gone: RwSignal::new(false),
            said: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    /// For a part of the page that says itself what came of its orders.
    pub fn apart(self) -> Self {
        Self {
            said: RwSignal::new(None),
            ..self
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        self.subscription.with_untracked(|of| of.name.clone())
    }

    /// Takes over what the feed says, and reads the rest if that changed.
    pub fn take_over(self, said: &[Subscription]) {
        if self.busy.get_untracked() {
            // An order reads everything back, and what the feed says now may be from before it.
            return;
        }
        let name = self.name();
        let more = match said.iter().find(|one| one.name == name) {
            Some(one) => {
                let more = self
                    .subscription
                    .with_untracked(|before| is_more_to_read(before, one))
                    || self.gone.get_untracked();
                self.subscription.set(one.clone());
                more
            }
            None => !self.gone.get_untracked(),
        };
        if more {
            leptos::task::spawn_local(async move {
                let fresh = look(&Api::from_context(), &name).await;
                if self.busy.try_get_untracked() == Some(false) {
                    self.show(fresh.as_ref());
                }
            });
        }
    }

    /// Shows what was read. None: nothing could be.
    fn show(self, fresh: Option<&Look>) {
        match fresh {
            Some(Look::There(found)) => {
                let _ = self.subscription.try_set(found.subscription.clone());
                let _ = self.parked.try_set(found.parked.clone());
                let _ = self.actions.try_set(found.actions.clone());
                let _ = self.gone.try_set(false);
            }
            Some(Look::Gone(actions)) => {
                let _ = self.actions.try_set(actions.clone());
                let _ = self.gone.try_set(true);
            }
            None => {}
        }
    }

    fn found(self) -> Found {
        Found {
            subscription: self.subscription.get_untracked(),
            parked: self.parked.get_untracked(),
            actions: self.actions.get_untracked(),
        }
    }

    /// Gives an order and says what came of it.
    pub fn give(self, order: Order) {
        if self.busy.get_untracked() {
            return;
        }
        let before = self.found();
        let name = self.name();
        self.carry_out(Box::pin(async move {
            let api = Api::from_context();
            match api.order_subscription(&name, &order).await {
                Ok(events) => Ok(self.look_back(&api, &order, &before, events).await),
                Err(error) => {
                    self.show(look(&api, &name).await.as_ref());
                    Err(error)
                }
            }
        }));
    }

    /// Does what may fail, and says what came of it.
    pub fn carry_out(self, work: Pin<Box<dyn Future<Output = Answer<Said>>>>) {
        let (said, busy) = (self.said, self.busy);
        Orders { said, busy }.carry_out(work);
    }

    async fn look_back(self, api: &Api, order: &Order, before: &Found, events: i64) -> Said {
        for _ in 0..LOOKS {
            if let Some(fresh) = look(api, &before.subscription.name).await {
                self.show(Some(&fresh));
                let now = match &fresh {
                    Look::There(found) => Some(&**found),
                    Look::Gone(_) => None,
                };
                if let Some(said) = effect(order, before, now, events) {
                    return said;
                }
            }
            wait(BETWEEN_MS).await;
        }
        Said::failed(
            "The server took the order, but five seconds later it has not taken effect. It is on record; look at the state below.",
        )
    }
}

/// What a look at the server shows.
enum Look {
    There(Box<Found>),
    /// There is no such subscription; what was done to it is still on record.
    Gone(Vec<Action>),
}

/// None: the server did not answer.
async fn look(api: &Api, name: &str) -> Option<Look> {
    match read(api, name).await {
        Ok(found) => Some(Look::There(Box::new(found))),
        Err(error) if error.is_not_found() => {
            let actions = api.actions(&last_actions(name)).await.unwrap_or_default();
            Some(Look::Gone(actions))
        }
        Err(_) => None,
    }
}

/// True when there may be other parked events or actions than those that the page shows.
fn is_more_to_read(before: &Subscription, now: &Subscription) -> bool {
    type Of<'a> = (SubscriptionState, Timestamp, i64, &'a str, i32, i32);
    fn of(one: &Subscription) -> Of<'_> {
        let settings = (one.attempts, one.acknowledge_within_s);
        let filter = one.filter.as_str();
        (
            one.state, one.since, one.parked, filter, settings.0, settings.1,
        )
    }
    // A checkpoint goes back by an order only.
    of(before) != of(now) || now.checkpoint < before.checkpoint
}
