//! A client that costs little: it shares the machine with what it measures.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The server itself gives a call up before.
const PATIENCE: Duration = Duration::from_mins(1);

/// One keep-alive connection, made when it is needed.
#[derive(Debug)]
pub(super) struct Http {
    address: SocketAddr,
    stream: Option<TcpStream>,
    read: Vec<u8>,
    body: Range<usize>,
}

/// The head of an answer, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: bool,
    length: usize,
    closes: bool,
}

impl Http {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            read: Vec::with_capacity(2_048),
            body: 0..0,
        }
    }

    /// Sends a request and reads its whole answer; `headers` end with a line break each.
    pub(super) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Answer> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        tokio::time::timeout(PATIENCE, self.exchange(&request))
            .await
            .context("the server does not answer")?
    }

    /// The body of the last answer.
    pub(super) fn body(&self) -> &[u8] {
        self.read.get(self.body.clone()).unwrap_or_default()
    }

    async fn exchange(&mut self, request: &str) -> Result<Answer> {
        // It is put back once an answer is whole: on a connection that broke in between nothing is sent any more.
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            stream
        };
        stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        let end = loop {
            if stream.read_buf(&mut self.read).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
        };
        let answer = head(std::str::from_utf8(&self.read[..end])?)?;
        self.body = end + 4..end + 4 + answer.length;
        while self.read.len() < self.body.end {
            if stream.read_buf(&mut self.read).await? == 0 {
                bail!("the server closed the connection in an answer");
            }
        }
        if !answer.closes {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn head(text: &str) -> Result<Answer> {
    let mut answer = Answer {
        status: text
            .get(9..12)
            .unwrap_or_default()
            .parse()
            .context("not an answer")?,
        retry_after: false,
        length: 0,
        closes: false,
    };
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            answer.length = value.trim().parse()?;
        } else if name.eq_ignore_ascii_case("retry-after") {
            answer.retry_after = value.trim().parse::<u64>().is_ok();
        } else if name.eq_ignore_ascii_case("connection") {
            answer.closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    Ok(answer)
}
