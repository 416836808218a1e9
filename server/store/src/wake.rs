//! Knowing early that the log has grown.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use highwater_model::Position;
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::watch;

use crate::{StoreError, Tasks};

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
    /// The appender has two connections; a few more are remembered while old ones go.
    const REMEMBERED: usize = 4;

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

/// Listens for batches of other processes, through one connection.
pub(crate) fn listen(pool: PgPool, own: Backends, moved: watch::Sender<Position>, tasks: &Tasks) {
    let token = tasks.token();
    tasks.spawn("listen for appends", async move {
        let mut pause = Duration::from_millis(100);
        while !token.is_cancelled() {
            let listening = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen("highwater").await?;
                loop {
                    raise(&moved, head(&pool).await?);
                    while own.has(listener.recv().await?.process_id()) {}
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
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
            }
        }
    });
}
