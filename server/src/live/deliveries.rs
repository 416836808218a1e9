//! A feed that delivers events of a subscription to a member of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::extract::ws::Message;
use highwater_model::live::{Acknowledge, ServerMessage, Subscribe};
use highwater_model::{FailedDelivery, MemberWay, Position, Problem, check_subscription_name};
use highwater_store::Ids;
use highwater_store::subscriptions::{Ask, SubscriptionError};
use tokio::sync::watch;

use super::messages::text;
use super::one_feed::Say;
use crate::api::deliveries::at_most;
use crate::api::problem::ApiError;
use crate::state::AppState;

/// A member that is silent is heard of so often: its subscription shows that it is there.
const PRESENT: Duration = Duration::from_secs(5);

/// A member at the other end of a connection.
#[derive(Debug)]
pub(super) struct Deliveries {
    name: String,
    member: String,
    at_most: i64,
    /// It has as many events as it wanted.
    full: bool,
    acknowledge: Vec<Position>,
    failed: Vec<FailedDelivery>,
    messages: VecDeque<Message>,
    asked: Option<Instant>,
    /// There may be something for it.
    moved: watch::Receiver<()>,
}

impl Deliveries {
    pub(super) fn new(wanted: &Subscribe, state: &AppState) -> Result<Self, Problem> {
        let problem = |ApiError(problem)| problem;
        let Some(name) = wanted.name.clone() else {
            return Err(Problem::new(
                422,
                "bad_fields",
                "The message has not the right fields",
                "A subscription has a name: say {\"subscribe\": \"subscription\", \"id\": 1, \"name\": \"mailer\", \"member\": \"mailer-1\"}.",
            )
            .with("field", "name"));
        };
        let member = wanted.member.clone().unwrap_or_else(|| {
            let id = Ids.random().simple().to_string();
            format!("member-{}", &id[id.len() - 8..])
        });
        check_subscription_name("member", &member)
            .map_err(|error| problem(SubscriptionError::from(error).into()))?;
        Ok(Self {
            moved: state.subscriptions.moved(&name),
            name,
            member,
            at_most: at_most(wanted.at_most).map_err(problem)?,
            full: false,
            acknowledge: Vec::new(),
            failed: Vec::new(),
            messages: VecDeque::new(),
            asked: None,
        })
    }

    /// Takes what the member says; the next round passes it on.
    pub(super) fn hear(&mut self, said: Acknowledge) {
        self.acknowledge.extend(said.positions);
        self.failed.extend(said.failed);
    }

    pub(super) async fn next(&mut self, id: u32, state: &AppState) -> Result<Say, ApiError> {
        if let Some(message) = self.messages.pop_front() {
            return Ok(Say::Message(message, 1));
        }
        let speaks = !self.acknowledge.is_empty() || !self.failed.is_empty();
        // It fails only for a sender that is gone, and then time goes on.
        let moved = !self.full && self.moved.has_changed().unwrap_or(false);
        let silent_for = self.asked.map(|asked| asked.elapsed());
        if !speaks && !moved && silent_for.is_some_and(|silent| silent < PRESENT) {
            return Ok(Say::Nothing);
        }
        self.moved.mark_unchanged();
        let ask = Ask {
            member: &self.member,
            way: MemberWay::Websocket,
            at_most: self.at_most,
            acknowledge: &self.acknowledge,
            failed: &self.failed,
        };
        let found = match state.subscriptions.deliver(&self.name, ask).await {
            Ok(found) => found,
            // An operator moves it just now: what the member has said is said again in the next round.
            Err(SubscriptionError::Refused(_)) => return Ok(Say::Nothing),
            Err(error) => return Err(error.into()),
        };
        self.asked = Some(Instant::now());
        self.acknowledge.clear();
        self.failed.clear();
        self.full = found.unacknowledged >= self.at_most;
        let not_held = found.acknowledged.not_held;
        if !not_held.is_empty() {
            let message = ServerMessage::NotHeld { id, not_held };
            self.messages.push_back(text(&message));
        }
        if !found.deliveries.is_empty() {
            let deliveries = found.deliveries;
            let message = ServerMessage::Deliveries { id, deliveries };
            self.messages.push_back(text(&message));
        }
        Ok(match self.messages.pop_front() {
            Some(message) => Say::Message(message, 1),
            None => Say::Nothing,
        })
    }

    /// Gives back what the member has; `broken`: it went without a word.
    pub(super) async fn end(&self, state: &AppState, broken: bool) {
        let released = state
            .subscriptions
            .release(&self.name, &self.member, broken)
            .await;
        match released {
            Ok(()) | Err(SubscriptionError::Unknown { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, subscription = self.name, member = self.member,
                    "what a member had is given to others when its time is over");
            }
        }
    }
}
