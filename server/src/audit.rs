//! Seals the audit log while the server runs.

use std::time::Duration;

use highwater_store::{Store, Tasks};
use tokio::time::{MissedTickBehavior, interval};

/// How long an action waits for its seal, about.
const EVERY: Duration = Duration::from_secs(2);

/// Seals for as long as the server runs; of several servers one does it at a time.
pub(crate) fn start(store: Store, tasks: &Tasks) {
    let stop = tasks.token();
    tasks.spawn("audit seals", async move {
        // What was committed very late, or before there were seals, once at the start.
        let mut all = true;
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            loop {
                match store.seal_actions(all).await {
                    Ok(true) if !stop.is_cancelled() => {}
                    Ok(_) => {
                        all = false;
                        break;
                    }
                    Err(error) => {
                        tracing::debug!(%error, "actions could not be sealed; they are in a moment");
                        break;
                    }
                }
            }
        }
    });
}
