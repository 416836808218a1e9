//! Counting events by type and by category, beside the appends.

use highwater_model::Position;
use sqlx::postgres::PgPool;
use tokio::sync::watch;

use crate::Tasks;

/// Events after which they are counted. What is not counted yet is read event by event by whoever asks for counts.
const EVERY: i64 = 1_000;

/// Has appended events counted. If it can't, the next appends count for themselves when too much is left. Ends when the appender has.
pub(crate) fn count(pool: PgPool, mut appended: watch::Receiver<Position>, tasks: &Tasks) {
    tasks.spawn("count appends", async move {
        let mut counted = 0;
        while appended.changed().await.is_ok() {
            let end = appended.borrow_and_update().0;
            if end / EVERY == counted / EVERY {
                continue;
            }
            counted = end;
            // Counts and how far they go are one transaction, so a crash loses both or none: nobody waits for the disk, least of all the
            // batch whose flush would be behind this one's.
            let count = sqlx::query(
                "select set_config('synchronous_commit', 'off', true), highwater.count_appended()",
            );
            if let Err(error) = count.execute(&pool).await {
                tracing::warn!(%error, "events were not counted; appends will do it");
            }
        }
    });
}
