//! Subscriptions: members wait here for events; what the log and time bring to them is seen by the keeper (`keeper.rs`).

mod keeper;
mod moves;

use std::sync::Arc;
use std::time::Duration;

use highwater_model::Position;
use highwater_store::read_models::Order;
use highwater_store::subscriptions::{Ask, Delivered, SubscriptionError};
use highwater_store::{Store, Tasks};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Feed;
use moves::Moves;

/// A member that waits is heard of so often: its subscription shows that it is there.
const PRESENT: Duration = Duration::from_secs(5);

/// The subscriptions of a store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    store: Store,
    moves: Arc<Moves>,
}

impl Subscriptions {
    /// Starts to keep them. Each server may: whoever comes first does what is to be done.
    pub fn start(store: Store, feed: Feed, tasks: &Tasks) -> Self {
        let subscriptions = Self {
            store,
            moves: Arc::default(),
        };
        keeper::start(&subscriptions, feed, tasks);
        subscriptions
    }

    /// Tells when there may be something new for a member of this one.
    pub fn moved(&self, name: &str) -> watch::Receiver<()> {
        self.moves.of(name)
    }

    /// Tells when there may be something new for a member of any.
    pub fn any_moved(&self) -> watch::Receiver<()> {
        self.moves.of_any()
    }

    /// Takes what a member says, and gives it what there is.
    ///
    /// # Errors
    /// When there is no such subscription, or the store does not answer.
    pub async fn deliver(&self, name: &str, ask: Ask<'_>) -> Result<Delivered, SubscriptionError> {
        if ask.at_most > 0 {
            self.look(name).await?;
        }
        self.give(name, ask).await
    }

    /// Gives of what was found already.
    async fn give(&self, name: &str, ask: Ask<'_>) -> Result<Delivered, SubscriptionError> {
        let delivered = self.store.deliver(name, ask).await?;
        let settled = delivered.acknowledged.acknowledged + delivered.acknowledged.failed;
        // Streams are free then; what this member had room for it has got itself.
        if settled > 0 && delivered.unacknowledged >= ask.at_most {
            self.moves.say(name);
        }
        Ok(delivered)
    }

    /// Looks for what matches; says whether there is more of the log to look at.
    async fn look(&self, name: &str) -> Result<bool, SubscriptionError> {
        let looked = self.store.look_for_subscription(name).await?;
        if looked.found > 0 {
            self.moves.say(name);
        }
        Ok(looked.more)
    }

    /// As [`Subscriptions::deliver`]; when there is nothing, waits for it until the time is over.
    ///
    /// # Errors
    /// As [`Subscriptions::deliver`].
    pub async fn wait_for(
        &self,
        name: &str,
        ask: Ask<'_>,
        wait: Duration,
    ) -> Result<Delivered, SubscriptionError> {
        let until = Instant::now() + wait;
        let mut moved = self.moved(name);
        let mut found = self.deliver(name, ask).await?;
        let again = Ask {
            acknowledge: &[],
            failed: &[],
            ..ask
        };
        // Also while it is paused: a member that is told so at once would only ask again.
        while found.deliveries.is_empty() {
            let now = Instant::now();
            if now >= until {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until.min(now + PRESENT)) => {}
                Ok(()) = moved.changed() => {}
            }
            let next = self.give(name, again).await?;
            found = Delivered {
                acknowledged: found.acknowledged,
                ..next
            };
        }
        Ok(found)
    }

    /// A member is gone; `broken`: without a word.
    ///
    /// # Errors
    /// As [`Subscriptions::deliver`].
    pub async fn release(
        &self,
        name: &str,
        member: &str,
        broken: bool,
    ) -> Result<(), SubscriptionError> {
        self.store.release_deliveries(name, member, broken).await?;
        self.moves.say(name);
        Ok(())
    }

    /// Gives members nothing until it is resumed.
    ///
    /// # Errors
    /// When it is paused already.
    pub async fn pause(&self, name: &str, order: &Order) -> Result<(), SubscriptionError> {
        self.store.pause_subscription(name, order).await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it is not paused.
    pub async fn resume(&self, name: &str, order: &Order) -> Result<(), SubscriptionError> {
        self.store.resume_subscription(name, order).await?;
        self.moves.say(name);
        Ok(())
    }

    /// Delivers again from a position on.
    ///
    /// # Errors
    /// When the checkpoint is not that far.
    pub async fn replay(
        &self,
        name: &str,
        from: Position,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        self.store.replay_subscription(name, from, order).await?;
        self.moves.say(name);
        Ok(())
    }

    /// Leaves out everything up to a position.
    ///
    /// # Errors
    /// When the checkpoint is behind it already.
    pub async fn skip(
        &self,
        name: &str,
        upto: Position,
        order: &Order,
    ) -> Result<(), SubscriptionError> {
        self.store.skip_subscription(name, upto, order).await?;
        self.moves.say(name);
        Ok(())
    }

    /// Gives parked events to members again; says how many.
    ///
    /// # Errors
    /// When none of them is parked.
    pub async fn retry_parked(
        &self,
        name: &str,
        positions: Option<&[Position]>,
        order: &Order,
    ) -> Result<i64, SubscriptionError> {
        let events = self.store.retry_parked(name, positions, order).await?;
        self.moves.say(name);
        Ok(events)
    }
}
