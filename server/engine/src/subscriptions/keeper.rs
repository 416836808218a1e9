//! What the log and time bring to subscriptions: events that match, events that are due again, members that are silent.
//!
//! Two tasks, so that one subscription whose filter has a long log to go through, a second a look, does not hold up what is new for the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use highwater_model::filter::Filter;
use highwater_store::subscriptions::SubscriptionError;
use highwater_store::{StoreError, Tasks};
use tokio::sync::watch;
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
#[derive(Debug, Clone)]
struct Kept {
    name: String,
    /// None: it can't be read, so it is looked at with every event.
    filter: Option<Filter>,
    /// It has more of the log to go through than a round has time for: what is new waits for that.
    is_behind: bool,
}

/// Starts to keep them.
pub(super) fn start(subscriptions: &Subscriptions, feed: Feed, tasks: &Tasks) {
    let (tell, kept) = watch::channel(Arc::from([]));
    let follow = follow(subscriptions.clone(), feed, kept, tasks.token());
    tasks.spawn("subscriptions: the log", follow);
    let rounds = Rounds {
        subscriptions: subscriptions.clone(),
        tell,
        pruned: Instant::now(),
        failing: HashSet::new(),
    };
    tasks.spawn("subscriptions: time", rounds.run(tasks.token()));
}

/// Looks for those whose filter lets a new event through. The ring has them in memory: for all others there is nothing to do.
async fn follow(
    subscriptions: Subscriptions,
    feed: Feed,
    kept: watch::Receiver<Arc<[Kept]>>,
    token: CancellationToken,
) {
    let mut head = feed.watch();
    let mut at = feed.head();
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            moved = head.changed() => if moved.is_err() { return },
        }
        let kept = Arc::clone(&kept.borrow());
        let now = subscriptions.store.clock().now();
        let mut hit = vec![false; kept.len()];
        loop {
            match feed.read(at, RING.0, RING.1) {
                RingRead::UpToDate => break,
                RingRead::Fallen { floor } => {
                    at = floor;
                    hit.fill(true);
                }
                RingRead::Events(events) => {
                    for (kept, hit) in kept.iter().zip(&mut hit) {
                        *hit = *hit
                            || kept.filter.as_ref().is_none_or(|filter| {
                                events.iter().any(|one| filter.matches(&one.event, now))
                            });
                    }
                    at = events.last().map_or(at, |one| one.event.position);
                }
            }
        }
        let hit = kept
            .iter()
            .zip(hit)
            .filter(|(kept, hit)| *hit && !kept.is_behind);
        let names: Vec<String> = hit.map(|(kept, _)| kept.name.clone()).collect();
        let look = |name: String| {
            let subscriptions = subscriptions.clone();
            async move {
                // What fails here is tried again, and told, with the next round.
                let _: Result<bool, SubscriptionError> = subscriptions.look(&name).await;
            }
        };
        stream::iter(names).for_each_concurrent(AT_ONCE, look).await;
    }
}

/// What time brings.
struct Rounds {
    subscriptions: Subscriptions,
    tell: watch::Sender<Arc<[Kept]>>,
    pruned: Instant,
    /// What has been told already: names, and the empty one for all of them.
    failing: HashSet<String>,
}

impl Rounds {
    async fn run(mut self, token: CancellationToken) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = tick.tick() => {}
            }
            match self.round().await {
                Ok(()) => drop(self.failing.remove("")),
                Err(error) if self.failing.insert(String::new()) => {
                    tracing::warn!(%error, "subscriptions: what time brings waits");
                }
                Err(_) => {}
            }
        }
    }

    /// Looks after each; what one of them fails at does not hold up the others, and is told once.
    async fn round(&mut self) -> Result<(), StoreError> {
        let store = self.subscriptions.store.clone();
        let all = store.subscription_filters().await?;
        let behind: HashSet<String> = {
            let before = self.tell.borrow();
            let before = before.iter().filter(|kept| kept.is_behind);
            before.map(|kept| kept.name.clone()).collect()
        };
        let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
        let mut kept: Vec<Kept> = all
            .into_iter()
            .map(|(name, filter)| Kept {
                filter: Filter::parse(&filter).ok(),
                is_behind: behind.contains(&name),
                name,
            })
            .collect();
        // At once, so that what is new waits for no round.
        self.tell.send_replace(kept.as_slice().into());
        if kept.is_empty() {
            return Ok(());
        }
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
                Ok(more) => {
                    self.failing.remove(&name);
                    if let Some(kept) = kept.iter_mut().find(|kept| kept.name == name) {
                        kept.is_behind = more;
                    }
                }
                // Removed meanwhile, or an operator changes it just now.
                Err(SubscriptionError::Unknown { .. } | SubscriptionError::Refused(_)) => {}
                Err(error) => {
                    if self.failing.insert(name.clone()) {
                        tracing::warn!(%error, subscription = name, "subscriptions: what time brings to it waits");
                    }
                }
            }
        }
        self.tell.send_replace(kept.into());
        store.sample_subscriptions().await?;
        if self.pruned.elapsed() >= PRUNE {
            store.prune_subscriptions().await?;
            self.pruned = Instant::now();
        }
        Ok(())
    }
}

/// Says whether there is more of the log to go through.
async fn look_after(subscriptions: &Subscriptions, name: &str) -> Result<bool, SubscriptionError> {
    let mut more = true;
    for _ in 0..LOOKS {
        more = subscriptions.look(name).await?;
        if !more {
            break;
        }
    }
    if subscriptions.store.take_back_deliveries(name).await? {
        subscriptions.moves.say(name);
    }
    Ok(more)
}
