//! State and lag of all read models, looked up once for all who watch them.

use std::sync::Arc;
use std::time::Duration;

use highwater_model::ReadModelLag;
use highwater_store::{Store, Tasks};
use tokio::sync::{Notify, watch};

/// How often it is looked up while somebody watches.
const EVERY: Duration = Duration::from_secs(1);

/// The newest lag; none before the first look.
pub(super) type LagWatch = watch::Receiver<Option<Arc<[ReadModelLag]>>>;

/// What is shown to everybody who watches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LagBoard {
    newest: watch::Sender<Option<Arc<[ReadModelLag]>>>,
    watched: Arc<Notify>,
}

impl LagBoard {
    /// Starts to look, as far as somebody watches.
    pub fn start(store: Store, tasks: &Tasks) -> Self {
        let board = Self {
            newest: watch::Sender::new(None),
            watched: Arc::default(),
        };
        let (shown, token) = (board.clone(), tasks.token());
        tasks.spawn("lag for the live feed", async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = shown.look(&store) => {}
            }
        });
        board
    }

    /// Watches it.
    pub(super) fn watch(&self) -> LagWatch {
        let watch = self.newest.subscribe();
        self.watched.notify_one();
        watch
    }

    async fn look(&self, store: &Store) {
        let mut failing = false;
        loop {
            if self.newest.receiver_count() == 0 {
                // Who comes later is not shown what was long ago.
                self.newest.send_replace(None);
                self.watched.notified().await;
            }
            match store.read_models().await {
                Ok(found) => {
                    failing = false;
                    let found: Arc<[ReadModelLag]> = found.iter().map(ReadModelLag::from).collect();
                    self.newest.send_if_modified(|newest| {
                        let moved = newest.as_deref() != Some(&*found);
                        *newest = Some(found);
                        moved
                    });
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "the live feed's lag could not be looked up");
                    }
                    failing = true;
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}
