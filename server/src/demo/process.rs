//! One service of the demo shop as a process of this program.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use highwater_demo::services::Part;
use highwater_demo::services::lead::Lead;
use tokio::time::Instant;

use super::Way;

/// How often it is looked whether it has ended: a call that costs nothing.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long it gets to end what it has begun.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// A process. It ends when this one does, however this one ends: what it reads its orders from is closed then.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    lead: Option<ChildStdin>,
}

impl Process {
    /// Starts it.
    pub(super) fn start(part: Part, way: &Way) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["demo", part.name(), "--url", way.server.url.as_str()])
            .args(["--seed", &way.seed.to_string()])
            .args(["--speed", &way.speed.to_string()])
            .args(["--log", "warn", "--led"])
            // Ctrl-C is for the server, which stops its services itself.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        if let Some(token) = &way.server.token {
            command.env("HIGHWATER_TOKEN", token.expose());
        }
        let mut child = command.spawn()?;
        let lead = child.stdin.take();
        Ok(Self { child, lead })
    }

    /// Its number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something. One that can't hear it has ended, which is seen elsewhere.
    pub(super) fn tell(&mut self, lead: Lead) {
        if let (Some(to), Ok(mut line)) = (&mut self.lead, serde_json::to_vec(&lead)) {
            line.push(b'\n');
            if to.write_all(&line).is_err() {
                self.lead = None;
            }
        }
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Ends it as a fault would: it says nothing, gives nothing back.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Has it end what it has begun.
    pub(super) async fn stop(mut self) -> io::Result<()> {
        self.lead = None;
        let until = Instant::now() + STOP_WITHIN;
        while self.ended()?.is_none() {
            if Instant::now() > until {
                self.kill()?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of a task that was cut off: nobody is left to wait for it.
        if matches!(self.ended(), Ok(None)) {
            let _: Result<_, _> = self.kill();
            let _: Result<_, _> = self.child.wait();
        }
    }
}
