//! What the log and time bring to subscriptions: events that match, events that are due again, members that are silent.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use highwater_model::Position;
use highwater_model::filter::Filter;
use highwater_store::StoreError;
use highwater_store::subscriptions::SubscriptionError;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Subscriptions;
use crate::{Feed, RingRead};

/// How often it is looked for what time brings, and for what another process has done.
const EVERY: Duration = Duration::from_millis(500);
/// Looks at one subscription in a row: a long log is gone through in turns.
const LOOKS: u32 = 8;
/// Subscriptions that are looked after at the same time, each through a connection.
const AT_ONCE: usize = 3;
const PRUNE: Duration = Duration::from_mins(1);
/// Events and bytes that are read of the ring at once.
const RING: (usize, usize) = (1_000, 8 << 20);

/// One that is kept.
struct Kept {
    name: String,
    /// None: it can't be read, so it is looked at with every event.
    filter: Option<Filter>,
}

struct Keeper {
    subscriptions: Subscriptions,
    feed: Feed,
    kept: Vec<Kept>,
    /// Everything up to here was held against their filters.
    at: Position,
    pruned: Instant,
    /// What has been told already: names, and the empty one for all of them.
    failing: HashSet<String>,
}

/// Keeps them until it is told to end.
pub(super) async fn keep(subscriptions: Subscriptions, feed: Feed, token: CancellationToken) {
    let mut head = feed.watch();
    let mut keeper = Keeper {
        at: feed.head(),
        subscriptions,
        feed,
        kept: Vec::new(),
        pruned: Instant::now(),
        failing: HashSet::new(),
    };
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            _ = tick.tick() => keeper.round().await,
            Ok(()) = head.changed() => keeper.follow().await,
        }
    }
}

impl Keeper {
    /// Looks for those whose filter lets one of the new events through. The ring has them in memory: for all others there is nothing to do.
    async fn follow(&mut self) {
        let now = self.subscriptions.store.clock().now();
        let mut hit = vec![false; self.kept.len()];
        loop {
            match self.feed.read(self.at, RING.0, RING.1) {
                RingRead::UpToDate => break,
                RingRead::Fallen { floor } => {
                    self.at = floor;
                    hit.fill(true);
                }
                RingRead::Events(events) => {
                    for (kept, hit) in self.kept.iter().zip(&mut hit) {
                        *hit = *hit
                            || kept.filter.as_ref().is_none_or(|filter| {
                                events.iter().any(|one| filter.matches(&one.event, now))
                            });
                    }
                    self.at = events.last().map_or(self.at, |one| one.event.position);
                }
            }
        }
        let hit = self.kept.iter().zip(hit).filter(|(_, hit)| *hit);
        let names: Vec<String> = hit.map(|(kept, _)| kept.name.clone()).collect();
        let subscriptions = self.subscriptions.clone();
        let look = move |name: String| {
            let subscriptions = subscriptions.clone();
            async move {
                // What fails here is tried again, and told, with the next tick.
                let _: Result<bool, SubscriptionError> = subscriptions.look(&name).await;
            }
        };
        stream::iter(names).for_each_concurrent(AT_ONCE, look).await;
    }

    /// What time brings.
    async fn round(&mut self) {
        match self.look_after_all().await {
            Ok(()) => drop(self.failing.remove("")),
            Err(error) if self.failing.insert(String::new()) => {
                tracing::warn!(%error, "subscriptions: what time brings waits");
            }
            Err(_) => {}
        }
    }

    /// Looks after each; what one of them fails at does not hold up the others, and is told once.
    async fn look_after_all(&mut self) -> Result<(), StoreError> {
        let store = self.subscriptions.store.clone();
        let all = store.subscription_filters().await?;
        self.kept = all
            .into_iter()
            .map(|(name, filter)| Kept {
                name,
                filter: Filter::parse(&filter).ok(),
            })
            .collect();
        if self.kept.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.kept.iter().map(|kept| kept.name.clone()).collect();
        let subscriptions = self.subscriptions.clone();
        let looking = stream::iter(names).map(move |name| {
            let subscriptions = subscriptions.clone();
            async move {
                let done = look_after(&subscriptions, &name).await;
                (name, done)
            }
        });
        let looked_after: Vec<_> = looking.buffer_unordered(AT_ONCE).collect().await;
        for (name, done) in looked_after {
            match done {
                Ok(()) => drop(self.failing.remove(&name)),
                // Removed meanwhile, or an operator changes it just now.
                Err(SubscriptionError::Unknown { .. } | SubscriptionError::Refused(_)) => {}
                Err(error) => {
                    if self.failing.insert(name.clone()) {
                        tracing::warn!(%error, subscription = name, "subscriptions: what time brings to it waits");
                    }
                }
            }
        }
        store.sample_subscriptions().await?;
        if self.pruned.elapsed() >= PRUNE {
            store.prune_subscriptions().await?;
            self.pruned = Instant::now();
        }
        Ok(())
    }
}

async fn look_after(subscriptions: &Subscriptions, name: &str) -> Result<(), SubscriptionError> {
    for _ in 0..LOOKS {
        if !subscriptions.look(name).await? {
            break;
        }
    }
    if subscriptions.store.take_back_deliveries(name).await? {
        subscriptions.moves.say(name);
    }
    Ok(())
}
