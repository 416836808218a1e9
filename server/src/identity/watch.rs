//! Learns that rights were taken away: by this server, another one, or in SQL.

use std::sync::Arc;
use std::time::Duration;

use highwater_model::LoginMode;
use highwater_store::Tasks;
use tokio::time::{MissedTickBehavior, interval};

use super::Gate;

/// How often it is asked: one row of one table.
const EVERY: Duration = Duration::from_secs(1);
/// After so many times without a change those with open connections are asked for anyway: their time may have run out.
const RECHECK: u32 = 30;

/// Watches for as long as the server runs. Where there is no login, nobody has anything to lose.
pub(super) fn start(gate: Arc<Gate>, tasks: &Tasks) {
    if gate.login() == LoginMode::Local {
        return;
    }
    let stop = tasks.token();
    tasks.spawn("identity", async move {
        let mut seen = None;
        let mut quiet = 0;
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            match gate.store().identity_changes().await {
                Ok(changes) if seen == Some(changes) => {
                    quiet += 1;
                    if quiet >= RECHECK {
                        quiet = 0;
                        gate.recheck();
                    }
                }
                Ok(changes) => {
                    if seen.is_some() {
                        gate.forget();
                    }
                    seen = Some(changes);
                    quiet = 0;
                }
                // What is remembered runs out by itself; the next second asks again.
                Err(error) => {
                    tracing::debug!(%error, "could not ask whether rights were taken away");
                }
            }
        }
    });
}
