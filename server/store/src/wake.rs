//! Knowing early that the log has grown.

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

/// Listens for batches of other processes, through one connection.
pub(crate) fn listen(pool: PgPool, moved: watch::Sender<Position>, tasks: &Tasks) {
    let token = tasks.token();
    tasks.spawn("listen for appends", async move {
        let mut pause = Duration::from_millis(100);
        while !token.is_cancelled() {
            let listening = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen("highwater").await?;
                loop {
                    raise(&moved, head(&pool).await?);
                    // What this process has appended itself is known already. Anybody may notify, so a higher number is not believed.
                    while let Ok(position) = listener.recv().await?.payload().parse() {
                        if Position(position) > *moved.borrow() {
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
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
            }
        }
    });
}
