//! What is measured: the program, and a Postgres of its own in a temporary folder, both as they are at a user's.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use highwater_postgres::{Binaries, Embedded, Options};
use tempfile::TempDir;

/// All of it ends with this value, in this order.
pub(crate) struct World {
    server: Server,
    postgres: Embedded,
    _folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) database_url: String,
}

impl World {
    /// Starts both. What the server logs goes to a file in `logs`.
    pub(crate) fn start(logs: &Path, arguments: &[String]) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("highwater-soak-")
            .tempdir()?;
        let mut notice = |text: &str| eprintln!("› {text}");
        let binaries = Binaries::find_or_fetch(&mut notice)?;
        // As `highwater serve` starts its own.
        let options = Options::new(folder.path());
        let postgres = Embedded::start(&binaries, &options, &mut notice)?;
        let database_url = postgres.url();
        let log = File::create(logs.join("server.log"))?;
        let (server, address) = Server::start(&database_url, log, arguments)?;
        Ok(Self {
            server,
            postgres,
            _folder: folder,
            address,
            database_url,
        })
    }

    /// The server's process.
    pub(crate) fn server(&self) -> u32 {
        self.server.process.id()
    }

    /// Postgres' first process; the others are its children.
    pub(crate) fn postgres(&self) -> u32 {
        self.postgres.pid()
    }
}

struct Server {
    process: Child,
    /// Open as long as it may write.
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(database_url: &str, log: File, arguments: &[String]) -> Result<(Self, SocketAddr)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        // The surroundings' own settings are not the soak's.
        for (name, _) in std::env::vars() {
            let is_a_setting = ["HIGHWATER_", "OTEL_"]
                .iter()
                .any(|of| name.starts_with(of));
            if is_a_setting || name == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        let mut process = command
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
            .args(["--database-url", database_url])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("the program does not start")?;
        let output = process.stdout.take().context("the program has no output")?;
        let mut server = Self {
            process,
            output: BufReader::new(output),
        };
        let mut line = String::new();
        server.output.read_line(&mut line)?;
        let address = line
            .trim()
            .strip_prefix("Highwater is at http://")
            .and_then(|rest| rest.trim_end_matches('/').parse().ok())
            .with_context(|| {
                format!("the program said {line:?} instead of its address; server.log may say why")
            })?;
        Ok((server, address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _: Result<_, _> = self.process.kill();
        let _: Result<_, _> = self.process.wait();
    }
}
