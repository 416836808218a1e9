//! A Postgres of one test's own, which can be stopped, or killed, without harm to the others.

use std::process::{Command, Stdio};
use std::time::Duration;

use highwater_postgres::{Binaries, Embedded, Options};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// Its URL is the same each time it is started.
pub(crate) struct Postgres {
    running: Option<Embedded>,
    folder: TempDir,
}

impl Postgres {
    /// A new one, which takes connections.
    pub(crate) async fn new() -> Self {
        let mut postgres = Self {
            running: None,
            folder: tempfile::tempdir().unwrap(),
        };
        postgres.start().await;
        postgres
    }

    /// Starts it again, after it was stopped or has ended.
    pub(crate) async fn start(&mut self) {
        // Its processes may end at any moment, the machine does not: what they had written is there. So nothing has to be flushed, but all has
        // to be written before it is answered, and a page of which a half was written has to be mended.
        let whole = ["synchronous_commit", "full_page_writes"];
        let options = Options {
            throwaway: true,
            settings: whole
                .map(|name| (name.to_owned(), "on".to_owned()))
                .to_vec(),
            ..Options::new(self.folder.path())
        };
        let ended = self.running.take();
        let started = spawn_blocking(move || {
            drop(ended);
            let binaries = Binaries::find_or_fetch(&mut |_| {}).unwrap();
            Embedded::start(&binaries, &options, &mut |_| {}).unwrap()
        });
        self.running = Some(started.await.unwrap());
    }

    /// Stops it in order.
    pub(crate) async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        spawn_blocking(|| running.stop()).await.unwrap();
    }

    /// `kill -9` of the process that has started all the others, which end when they notice.
    pub(crate) async fn kill(&self) {
        let running = self.running.as_ref().unwrap();
        assert!(kill(running.pid()), "it has ended by itself");
        while running.ended().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.running.as_ref().unwrap().url()
    }
}

/// `kill -9`. False: there is no such process any more.
pub(crate) fn kill(pid: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.args(["-KILL", &pid.to_string()]);
    kill.stderr(Stdio::null()).status().unwrap().success()
}
