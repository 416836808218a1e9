//! Knowing early that the log has grown.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use highwater_model::Position;
use sqlx::Executor;
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::watch;

use crate::{StoreError, Tasks};

/// How far apart notifications are at least: each wakes every process that listens, and batches come faster.
const APART: Duration = Duration::from_millis(2);
/// From when a listener was lost until the next one is tried; longer each time, until one has listened.
const LOST: Duration = Duration::from_millis(100);
/// The same at most.
const LOST_MOST: Duration = Duration::from_secs(5);

/// The newest position.
pub(crate) async fn head(pool: &PgPool) -> Result<Position, StoreError> {
    let head: Option<i64> = sqlx::query_scalar("select max(position) from highwater.events")
        .fetch_one(pool)
        .await?;
    Ok(Position(head.unwrap_or(0)))
}

/// Raises what is known; never lowers it.
pub(crate) fn raise(moved: &watch::Sender<Position>, position: Position) {
    moved.send_if_modified(|known| {
        let higher = position > *known;
        if higher {
            *known = position;
        }
        higher
    });
}

/// The database's processes behind this process's appender: their notifications tell nothing new, and to look
/// would be a query a batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backends(Arc<Mutex<VecDeque<u32>>>);

impl Backends {
    /// The appender has five connections at most; a few more are remembered while old ones go.
    const REMEMBERED: usize = 8;

    /// A new one.
    pub(crate) fn add(&self, process_id: u32) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_front(process_id);
        known.truncate(Self::REMEMBERED);
    }

    fn has(&self, process_id: u32) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&process_id)
    }
}

/// When a notification last came in.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Option<Instant>>);

impl Told {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago that is.
    pub(crate) fn ago(&self) -> Option<Duration> {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.map(|at| at.elapsed())
    }
}

/// Tells other processes that this one has appended: at once, and again as soon as they may be told again. Ends when the appender has.
pub(crate) fn tell(pool: PgPool, mut appended: watch::Receiver<Position>, tasks: &Tasks) {
    tasks.spawn("tell of appends", async move {
        while appended.changed().await.is_ok() {
            if let Err(error) = pool.execute("notify highwater").await {
                tracing::warn!(%error, "cannot tell other processes of appends; they poll meanwhile");
                tokio::time::sleep(APART * 100).await;
                // Not for ever, when the appender has ended.
                if appended.has_changed().is_ok() {
                    appended.mark_changed();
                }
            }
            tokio::time::sleep(APART).await;
        }
    });
}

/// Listens for batches of other processes, through one connection.
pub(crate) fn listen(
    pool: PgPool,
    own: Backends,
    moved: watch::Sender<Position>,
    told: Arc<Told>,
    tasks: &Tasks,
) {
    let token = tasks.token();
    tasks.spawn("listen for appends", async move {
        let mut pause = LOST;
        while !token.is_cancelled() {
            let listening = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen("highwater").await?;
                loop {
                    raise(&moved, head(&pool).await?);
                    pause = LOST;
                    loop {
                        let from = listener.recv().await?.process_id();
                        told.now();
                        if !own.has(from) {
                            break;
                        }
                    }
                }
                #[expect(unreachable_code, reason = "gives the block its type")]
                Ok::<(), StoreError>(())
            };
            tokio::select! {
                () = token.cancelled() => return,
                ended = listening => if let Err(error) = ended {
                    tracing::warn!(%error, "cannot listen for appends of other processes; readers poll meanwhile");
                }
            }
            tokio::select! {
                () = token.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LOST_MOST),
            }
        }
    });
}
