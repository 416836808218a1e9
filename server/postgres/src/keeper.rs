//! The thread that owns a Postgres process: it spawns it, watches it, and stops it.
//!
//! It must be a thread of its own: on Linux the parent-death signal follows the thread that spawned the child, and a runtime's blocking
//! threads come and go.

use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::sys::{self, Signal};

/// How long a fast shutdown may take before it becomes an immediate one.
const FAST_STOP: Duration = Duration::from_secs(20);
/// How often the keeper looks whether Postgres is still there.
const WATCH: Duration = Duration::from_millis(100);

/// A Postgres process with its thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    pid: u32,
    /// Dropped to stop it.
    orders: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    ended: Arc<OnceLock<String>>,
}

impl Keeper {
    pub(crate) fn spawn(mut command: Command) -> std::io::Result<Self> {
        sys::die_with_parent(&mut command, Signal::Quit);
        let (orders, inbox) = channel();
        let (started, answer) = channel();
        let ended = Arc::new(OnceLock::new());
        let record = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name("postgres-keeper".to_owned())
            .spawn(move || match command.spawn() {
                Ok(child) => {
                    let _ = started.send(Ok(child.id()));
                    let how = keep(child, &inbox);
                    let _ = record.set(how);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            })?;
        let pid = answer
            .recv()
            .map_err(|_| std::io::Error::other("the keeper thread ended"))??;
        Ok(Self {
            pid,
            orders: Some(orders),
            thread: Some(thread),
            ended,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&self) -> Option<&str> {
        self.ended.get().map(String::as_str)
    }

    /// Stops it and waits until it is gone.
    pub(crate) fn stop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Watches until it ends by itself or is told to stop; says how it ended.
fn keep(mut child: Child, inbox: &Receiver<()>) -> String {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.to_string(),
            Ok(None) => {}
            Err(error) => return error.to_string(),
        }
        match inbox.recv_timeout(WATCH) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return stop(child),
        }
    }
}

fn stop(mut child: Child) -> String {
    sys::signal(child.id(), Signal::Interrupt);
    let until = Instant::now() + FAST_STOP;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(Some(status)) => return status.to_string(),
            Ok(None) => pause(Duration::from_millis(5)),
            Err(error) => return error.to_string(),
        }
    }
    sys::signal(child.id(), Signal::Quit);
    child
        .wait()
        .map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// Waits a moment.
pub(crate) fn pause(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate is synchronous and has no runtime to block"
    )]
    std::thread::sleep(time);
}
