//! The release build of the program on the bench's Postgres, and a client of it that costs little.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A running `highwater serve`; ends with this value.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Program {
    /// Starts it on a database and waits until it listens.
    pub(crate) fn start(database_url: &str) -> Result<Self> {
        Self::start_with(database_url, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(database_url: &str, more: &[&str]) -> Result<Self> {
        let child = Command::new(env!("CARGO_BIN_EXE_highwater"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
            .args(["--database-url", database_url])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .context("the program does not start")?;
        let mut program = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            child,
        };
        let stdout = program.child.stdout.take();
        let mut line = String::new();
        BufReader::new(stdout.context("the program has no output")?).read_line(&mut line)?;
        program.address = line
            .trim()
            .strip_prefix("Highwater is at http://")
            .and_then(|rest| rest.trim_end_matches('/').parse().ok())
            .with_context(|| format!("the program said {line:?} instead of its address"))?;
        Ok(program)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nothing that it holds is needed any more; an error means that it has ended already.
        let _: Result<_, _> = self.child.kill();
        let _: Result<_, _> = self.child.wait();
    }
}

/// One keep-alive connection. Written by hand: a full client would use as much of the two cores as the server.
#[derive(Debug)]
pub(crate) struct Http {
    stream: TcpStream,
    address: SocketAddr,
    read: Vec<u8>,
}

impl Http {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            address,
            read: Vec::with_capacity(4_096),
        })
    }

    /// Sends a POST of JSON; answers the status.
    pub(crate) async fn post(&mut self, path: &str, header: &str, body: &str) -> Result<u16> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{header}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the server closed the connection");
            }
            let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.read[..end])?;
            let status = head.get(9..12).unwrap_or_default().parse()?;
            let length: usize = head
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then_some(value)
                })
                .unwrap_or("0")
                .trim()
                .parse()?;
            let whole = end + 4 + length;
            while self.read.len() < whole {
                if self.stream.read_buf(&mut self.read).await? == 0 {
                    bail!("the server closed the connection in an answer");
                }
            }
            return Ok(status);
        }
    }
}
