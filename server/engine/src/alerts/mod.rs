//! Alerts: every few seconds the rules are held against what is so. Whatever server does it, what it decides from stands in the store, so a
//! restart or another server goes on where the last one was, and nothing fires twice.
//!
//! # Adding a kind of rule
//! Name it in `highwater_model::AlertKind`, say in `look.rs` what it sees and in `words.rs` how that is told. The way from pending to
//! resolved (`machine.rs`) is the same for all.

mod decide;
mod look;
mod machine;
mod words;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use highwater_model::{AlertOf, ReadModelLag, StoreCheck, Subscription};
use highwater_store::alerts::WatchedRule;
use highwater_store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use decide::Decider;
use look::Looked;

pub use words::test_telling;

/// How long a look may take. What could not be looked at is neither right nor wrong.
const LOOK: Duration = Duration::from_secs(4);
/// Rounds from one look at the checks to the next: they are a dozen looks into the catalogue.
const CHECKS_EVERY: u32 = 6;
const PRUNE: Duration = Duration::from_mins(1);

/// What the rules are held against, as far as others look at it anyway. None: it can't be said now.
pub trait AlertSources: Send + Sync + 'static {
    /// How the read models are.
    fn read_models(&self) -> impl Future<Output = Option<Arc<[ReadModelLag]>>> + Send;
    /// How the subscriptions are.
    fn subscriptions(&self) -> impl Future<Output = Option<Arc<[Subscription]>>> + Send;
    /// What the checks of the store come to.
    fn checks(&self) -> impl Future<Output = Option<Vec<StoreCheck>>> + Send;
}

/// How the rules are looked after.
#[derive(Debug, Clone)]
pub struct AlertOptions {
    /// How often.
    pub every: Duration,
    /// Where the server is, as whoever is told reaches it: `https://highwater.example`.
    pub source: String,
}

/// Looks after the rules of a store.
#[derive(Debug)]
pub struct AlertRounds<S> {
    store: Store,
    sources: S,
    options: AlertOptions,
    checks: Option<(Instant, Arc<[StoreCheck]>)>,
    pruned: Instant,
}

impl<S: AlertSources> AlertRounds<S> {
    /// Not begun yet.
    pub fn new(store: Store, sources: S, options: AlertOptions) -> Self {
        Self {
            store,
            sources,
            options,
            checks: None,
            pruned: Instant::now(),
        }
    }

    /// Looks after them until it is to end. `news` is called when there is something to tell.
    pub async fn run(mut self, token: CancellationToken, news: impl Fn() + Send) {
        let mut tick = interval(self.options.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = tick.tick() => {}
            }
            // A round that is cut off changes nothing.
            let done = tokio::select! {
                () = token.cancelled() => return,
                done = self.round() => done,
            };
            match done {
                Ok(tells) => {
                    failing = false;
                    if tells {
                        news();
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "alerts: the rules could not be looked after");
                    }
                    failing = true;
                }
            }
        }
    }

    /// Holds all rules against what is so; true when there is something to tell.
    async fn round(&mut self) -> Result<bool, StoreError> {
        let apart = self.options.every * 4 / 5;
        let Some(round) = self.store.begin_alert_round(apart).await? else {
            return Ok(false);
        };
        let looked = self.look(&round.rules).await;
        let decider = Decider {
            now: round.now,
            looked: &looked,
            source: &self.options.source,
            ids: *self.store.ids(),
            is_full: round.is_full(),
        };
        let changes = decider.changes(&round.rules, &round.open);
        let tells = changes.iter().any(decide::tells);
        round.finish(changes).await?;
        if self.pruned.elapsed() >= PRUNE {
            self.store.prune_alerts().await?;
            self.pruned = Instant::now();
        }
        Ok(tells)
    }

    /// Looks at what the rules are of, and at nothing else.
    async fn look(&mut self, rules: &[WatchedRule]) -> Looked {
        let is_of = |of: AlertOf| {
            let mut on = rules.iter().filter(|rule| rule.enabled);
            on.any(|rule| rule.condition.of == of)
        };
        let checks = self.checks(is_of(AlertOf::Check)).await;
        let holders = async { self.store.holders().await.ok() };
        let maintenance = async { self.store.maintenance().await.ok() };
        let (read_models, subscriptions, holders, maintenance) = tokio::join!(
            wanted(is_of(AlertOf::ReadModel), self.sources.read_models()),
            wanted(is_of(AlertOf::Subscription), self.sources.subscriptions()),
            wanted(is_of(AlertOf::Mark), holders),
            wanted(is_of(AlertOf::ReadModel), maintenance),
        );
        Looked {
            read_models,
            subscriptions,
            holders,
            checks,
            maintenance: maintenance.flatten().is_some(),
        }
    }

    async fn checks(&mut self, wanted_now: bool) -> Option<Arc<[StoreCheck]>> {
        if !wanted_now {
            self.checks = None;
            return None;
        }
        let every = self.options.every * CHECKS_EVERY;
        if let Some((at, checks)) = &self.checks
            && at.elapsed() < every
        {
            return Some(Arc::clone(checks));
        }
        let checks: Arc<[StoreCheck]> = wanted(true, self.sources.checks()).await?.into();
        self.checks = Some((Instant::now(), Arc::clone(&checks)));
        Some(checks)
    }
}

/// What is looked at, if somebody wants to know and it does not take too long.
async fn wanted<T>(is_wanted: bool, look: impl Future<Output = Option<T>>) -> Option<T> {
    if !is_wanted {
        return None;
    }
    timeout(LOOK, look).await.ok().flatten()
}
