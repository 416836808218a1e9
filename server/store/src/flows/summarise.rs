//! Keeping a row a flow, beside the appends.

use std::time::{Duration, Instant};

use highwater_model::Position;
use sqlx::postgres::PgPool;
use tokio::sync::watch;

use crate::{StoreError, Tasks};

/// Events summarised in one statement: a tenth of a second or two of work, so that nobody who writes a rule waits for long.
const SLICE: i32 = 10_000;
/// Flows judged in one statement.
const JUDGED: i32 = 5_000;
/// While events are appended all the time, the next slice waits so long: a flow whose events come in quick succession is written once.
const PAUSE: Duration = Duration::from_millis(500);
/// After an error, and when another program is at it.
const LATER: Duration = Duration::from_secs(5);
/// A rule that another program has written is seen after so long, though nothing is appended.
const LOOK: Duration = Duration::from_secs(10);

/// Has appended events summarised by flow. Of several programs one does it at a time. Ends when the tasks do.
pub(crate) fn summarise(pool: PgPool, mut appended: watch::Receiver<Position>, tasks: &Tasks) {
    let token = tasks.token();
    tasks.spawn("summarise flows", async move {
        let work = async {
            loop {
                appended.borrow_and_update();
                let wait = match all(&pool).await {
                    Ok(true) => PAUSE,
                    Ok(false) => LATER,
                    Err(error) => {
                        tracing::warn!(%error, "flows were not summarised; the list of flows is behind until they are");
                        LATER
                    }
                };
                tokio::time::sleep(wait).await;
                if wait == PAUSE {
                    // An error means that nothing will be appended any more.
                    let _ = tokio::time::timeout(LOOK, appended.changed()).await;
                }
            }
        };
        tokio::select! {
            () = token.cancelled() => {}
            () = work => {}
        }
    });
}

/// Summarises and judges all there is; false when another program is at it. Half of the time it does nothing: a log that was there before
/// flows were summarised is long, and others have work to do meanwhile.
async fn all(pool: &PgPool) -> Result<bool, StoreError> {
    loop {
        let began = Instant::now();
        let (done, log_end): (Option<i64>, Option<i64>) =
            // What is summarised and how far are one transaction: a crash loses both or none, and no batch waits for this flush.
            sqlx::query_as("select done, log_end from set_config('synchronous_commit', 'off', true), highwater.summarise_flows($1)")
                .bind(SLICE)
                .fetch_one(pool)
                .await?;
        match (done, log_end) {
            (Some(done), Some(log_end)) if done < log_end => {
                tokio::time::sleep(began.elapsed()).await;
            }
            (Some(_), _) => break,
            (None, _) => return Ok(false),
        }
    }
    loop {
        let began = Instant::now();
        let judged: Option<bool> = sqlx::query_scalar("select highwater.judge_flows($1)")
            .bind(JUDGED)
            .fetch_one(pool)
            .await?;
        match judged {
            Some(true) => tokio::time::sleep(began.elapsed()).await,
            Some(false) => return Ok(true),
            None => return Ok(false),
        }
    }
}
