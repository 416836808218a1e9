//! Keeps a service of the demo shop as it is wished: starts its process, tells it what to do, starts it again after a crash.

use std::process::ExitStatus;
use std::time::Duration;

use highwater_demo::services::Part;
use highwater_demo::services::lead::{AT_ONCE, Lead};
use highwater_model::demo::{DemoService, DemoServiceState, DemoServiceWish, Traffic};
use highwater_store::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::process::{LOOK_EVERY, Process};
use super::{Service, Way};

/// After a crash a service is started again so much later: long enough to see its lag grow.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Keeps one service.
pub(super) struct Keeper {
    part: Part,
    way: Way,
    wish: watch::Receiver<DemoServiceWish>,
    crash: watch::Receiver<u64>,
    traffic: watch::Receiver<Traffic>,
    now: watch::Sender<DemoService>,
}

/// Why nobody attends to a process any more.
enum Over {
    /// It was to stop.
    Stopped,
    /// It ended by itself, or was killed.
    Crashed(ExitStatus),
    /// The shop closes.
    Closed,
}

impl Keeper {
    /// One, and what it is led by.
    pub(super) fn of(part: Part, way: &Way, traffic: watch::Receiver<Traffic>) -> (Self, Service) {
        let (wish, wished) = watch::channel(DemoServiceWish::Running);
        let (crash, crashed) = watch::channel(0);
        let (now, seen) = watch::channel(DemoService {
            name: part.name().to_owned(),
            state: DemoServiceState::Stopped,
            since: Clock.now(),
            pid: None,
            back_at: None,
            starts: 0,
        });
        let keeper = Self {
            part,
            way: way.clone(),
            wish: wished,
            crash: crashed,
            traffic,
            now,
        };
        let service = Service {
            part,
            wish,
            crash,
            now: seen,
        };
        (keeper, service)
    }

    /// Keeps it until the shop closes.
    pub(super) async fn keep(mut self, closing: CancellationToken) {
        while !closing.is_cancelled() {
            if *self.wish.borrow_and_update() == DemoServiceWish::Stopped {
                self.say(DemoServiceState::Stopped, None, None);
                tokio::select! {
                    _ = self.wish.changed() => {}
                    () = closing.cancelled() => {}
                }
                continue;
            }
            match self.attend(&closing).await {
                Ok(Over::Stopped | Over::Closed) => continue,
                Ok(Over::Crashed(status)) => {
                    tracing::warn!(service = self.part.name(), %status, "it ended; it is started again in {} s", AGAIN_AFTER.as_secs());
                }
                Err(error) => {
                    tracing::warn!(service = self.part.name(), %error, "it can't be kept; it is tried again in {} s", AGAIN_AFTER.as_secs());
                }
            }
            let back_at = Clock.now().checked_add(AGAIN_AFTER).ok();
            self.say(DemoServiceState::Crashed, None, back_at);
            tokio::select! {
                () = tokio::time::sleep(AGAIN_AFTER) => {}
                _ = self.wish.changed() => {}
                () = closing.cancelled() => {}
            }
        }
    }

    /// From the start of a process to its end.
    async fn attend(&mut self, closing: &CancellationToken) -> std::io::Result<Over> {
        let mut process = Process::start(self.part, &self.way)?;
        self.now.send_modify(|now| now.starts += 1);
        self.crash.mark_unchanged();
        self.lead(&mut process);
        loop {
            if let Some(status) = process.ended()? {
                return Ok(Over::Crashed(status));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                Ok(()) = self.crash.changed() => process.kill()?,
                Ok(()) = self.traffic.changed(), if self.part == Part::Customers => self.lead(&mut process),
                Ok(()) = self.wish.changed() => {
                    if *self.wish.borrow() == DemoServiceWish::Stopped {
                        process.stop().await?;
                        return Ok(Over::Stopped);
                    }
                    self.lead(&mut process);
                }
                () = closing.cancelled() => {
                    process.stop().await?;
                    return Ok(Over::Closed);
                }
            }
        }
    }

    /// Tells a process what is wished of it.
    fn lead(&mut self, process: &mut Process) {
        let is_slow = *self.wish.borrow_and_update() == DemoServiceWish::Slow;
        let traffic = *self.traffic.borrow_and_update();
        process.tell(Lead {
            at_once: Some(if is_slow { 1 } else { AT_ONCE }),
            traffic: (self.part == Part::Customers).then_some(traffic),
        });
        let state = if is_slow {
            DemoServiceState::Slow
        } else {
            DemoServiceState::Running
        };
        self.say(state, Some(process.pid()), None);
    }

    fn say(&self, state: DemoServiceState, pid: Option<u32>, back_at: Option<jiff::Timestamp>) {
        self.now.send_modify(|now| {
            if (now.state, now.pid) != (state, pid) {
                now.since = Clock.now();
            }
            now.state = state;
            now.pid = pid;
            now.back_at = back_at;
        });
    }
}
