//! The program itself, as a process that ends with the test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::api::Api;

/// The program, ready to be given a command.
pub(crate) fn command() -> Command {
    by_itself(Command::new(env!("CARGO_BIN_EXE_highwater")))
}

/// The same in a network of its own, which has this name.
pub(crate) fn command_in(network: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", network, env!("CARGO_BIN_EXE_highwater")]);
    by_itself(command)
}

fn by_itself(mut command: Command) -> Command {
    // The surroundings' own settings are not the test's.
    for (name, _) in std::env::vars() {
        if name.starts_with("HIGHWATER_") || name == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A process that is killed when the test lets go of it.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // Fails when it has ended already, which is as good.
        let _: Result<_, _> = self.0.kill();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `highwater serve`.
pub(crate) struct Server {
    pub(crate) api: Api,
    process: Process,
}

impl Server {
    /// Starts one on this database, and waits until it says where it is.
    pub(crate) async fn start(database_url: &str) -> Self {
        Self::start_with(&["--database-url", database_url]).await
    }

    /// Starts one with these arguments.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        Self::start_by(command(), arguments).await
    }

    /// Starts one by a command of the program's, which may have other surroundings.
    pub(crate) async fn start_by(mut serve: Command, arguments: &[&str]) -> Self {
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
            .args(arguments)
            .stdout(Stdio::piped());
        let mut process = Process(serve.spawn().unwrap());
        let output = process.0.stdout.take().unwrap();
        let said = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).unwrap();
            line
        });
        let said = said.await.unwrap();
        let address = said
            .trim()
            .strip_prefix("Highwater is at http://")
            .and_then(|rest| rest.strip_suffix('/'))
            .unwrap_or_else(|| panic!("the server did not start; it said {said:?}"));
        Self {
            api: Api::at(address),
            process,
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// SIGTERM: it leaves in order, which takes a moment.
    pub(crate) fn tell_to_stop(&self) {
        let told = Command::new("kill").arg(self.id().to_string()).status();
        assert!(told.unwrap().success());
    }

    /// Whether it has ended, and if so, whether in order.
    pub(crate) fn has_ended_well(&mut self) -> Option<bool> {
        let ended = self.process.0.try_wait().unwrap();
        ended.map(|status| status.success())
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}
