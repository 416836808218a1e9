//! What is looked up once for all who watch it: how the read models are, and how the jobs are.

use std::sync::Arc;
use std::time::Duration;

use highwater_model::{Job, Maintenance, ReadModelLag, Subscription};
use highwater_store::identity::HandledTypes;
use highwater_store::{Store, StoreError, Tasks};
use tokio::sync::{Notify, watch};

/// How often lag is looked up while somebody watches; subscriptions and maintenance, too.
const LAG_EVERY: Duration = Duration::from_secs(1);
/// How often jobs are.
const JOBS_EVERY: Duration = Duration::from_millis(500);

/// All that is looked up so. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Boards {
    /// State and lag of all read models.
    pub(super) lag: Board<ReadModelLag>,
    /// Jobs that run, and the newest that are over.
    pub(super) jobs: Board<Job>,
    /// All subscriptions.
    pub(super) subscriptions: Board<Subscription>,
    /// The maintenance that is on; nothing when it is off.
    pub(super) maintenance: Board<Maintenance>,
    /// What the read models handle, looked up after their lag and jobs: what these quote is known by then.
    handled: watch::Sender<Arc<HandledTypes>>,
    moved: watch::Sender<()>,
}

impl Boards {
    /// Starts to look, as far as somebody watches.
    pub fn start(store: &Store, tasks: &Tasks) -> Self {
        let boards = Self {
            lag: Board::default(),
            jobs: Board::default(),
            subscriptions: Board::default(),
            maintenance: Board::default(),
            handled: watch::Sender::default(),
            moved: watch::Sender::new(()),
        };
        let (lag, jobs) = (store.clone(), store.clone());
        let handled = boards.handled.clone();
        let look = boards.clone().look(
            boards.lag.clone(),
            "the live feed's lag could not be looked up",
            LAG_EVERY,
            async move || {
                let all = lag.read_models().await?;
                handled.send_replace(Arc::new(lag.handled_types().await?));
                Ok(all.iter().map(ReadModelLag::from).collect())
            },
        );
        spawn(tasks, "lag for the live feed", look);
        let handled = boards.handled.clone();
        let look = boards.clone().look(
            boards.jobs.clone(),
            "the live feed's jobs could not be looked up",
            JOBS_EVERY,
            async move || {
                let all = jobs.current_jobs().await?;
                handled.send_replace(Arc::new(jobs.handled_types().await?));
                Ok(all)
            },
        );
        spawn(tasks, "jobs for the live feed", look);
        let all = store.clone();
        let look = boards.clone().look(
            boards.subscriptions.clone(),
            "the live feed's subscriptions could not be looked up",
            LAG_EVERY,
            async move || all.subscriptions().await,
        );
        spawn(tasks, "subscriptions for the live feed", look);
        let on = store.clone();
        let look = boards.clone().look(
            boards.maintenance.clone(),
            "the live feed's maintenance could not be looked up",
            LAG_EVERY,
            async move || Ok(on.maintenance().await?.into_iter().collect()),
        );
        spawn(tasks, "maintenance for the live feed", look);
        boards
    }

    /// How the read models are, for somebody who asks once.
    pub(crate) async fn read_models(&self) -> Option<Arc<[ReadModelLag]>> {
        self.lag.now().await
    }

    /// How the subscriptions are, for somebody who asks once.
    pub(crate) async fn all_subscriptions(&self) -> Option<Arc<[Subscription]>> {
        self.subscriptions.now().await
    }

    /// What the read models handle that were looked up last.
    pub(super) fn handled(&self) -> Arc<HandledTypes> {
        Arc::clone(&self.handled.borrow())
    }

    /// Tells when one of them has changed.
    pub(super) fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    async fn look<T: PartialEq>(
        self,
        board: Board<T>,
        failed: &'static str,
        every: Duration,
        read: impl AsyncFn() -> Result<Vec<T>, StoreError>,
    ) {
        let mut failing = false;
        loop {
            if board.newest.receiver_count() == 0 {
                // Who comes later is not shown what was long ago.
                board.newest.send_replace(None);
                board.watched.notified().await;
            }
            match read().await {
                Ok(found) => {
                    failing = false;
                    let moved = board.newest.send_if_modified(|newest| {
                        let moved = newest.as_deref() != Some(found.as_slice());
                        *newest = Some(found.into());
                        moved
                    });
                    if moved {
                        self.moved.send_replace(());
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "{failed}");
                    }
                    failing = true;
                }
            }
            tokio::time::sleep(every).await;
        }
    }
}

fn spawn(tasks: &Tasks, name: &'static str, look: impl Future<Output = ()> + Send + 'static) {
    let token = tasks.token();
    tasks.spawn(name, async move {
        tokio::select! {
            () = token.cancelled() => {}
            () = look => {}
        }
    });
}

/// The newest of what is looked up; none before the first look.
#[derive(Debug)]
pub(super) struct Board<T> {
    newest: watch::Sender<Option<Arc<[T]>>>,
    watched: Arc<Notify>,
}

impl<T> Default for Board<T> {
    fn default() -> Self {
        Self {
            newest: watch::Sender::new(None),
            watched: Arc::default(),
        }
    }
}

impl<T> Clone for Board<T> {
    fn clone(&self) -> Self {
        Self {
            newest: self.newest.clone(),
            watched: Arc::clone(&self.watched),
        }
    }
}

impl<T> Board<T> {
    /// The newest look, which those share who watch or ask at about the same time; the first one is waited for.
    async fn now(&self) -> Option<Arc<[T]>> {
        let mut newest = self.newest.subscribe();
        self.watched.notify_one();
        let found = newest.wait_for(Option::is_some).await.ok()?;
        found.clone()
    }

    /// Watches it.
    pub(super) fn watch(&self) -> Watched<T> {
        let newest = self.newest.subscribe();
        self.watched.notify_one();
        Watched {
            newest,
            said: false,
        }
    }
}

/// One who watches, and what was said already.
#[derive(Debug)]
pub(super) struct Watched<T> {
    newest: watch::Receiver<Option<Arc<[T]>>>,
    said: bool,
}

impl<T: Clone> Watched<T> {
    /// What was not said yet.
    pub(super) fn news(&mut self) -> Option<Vec<T>> {
        if self.said && !self.newest.has_changed().unwrap_or(false) {
            return None;
        }
        let newest = self.newest.borrow_and_update().clone()?;
        self.said = true;
        Some(newest.to_vec())
    }
}
