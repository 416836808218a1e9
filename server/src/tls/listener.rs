//! Shakes hands with whoever comes, each beside the others: one who is slow, or says nothing, holds nobody up.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use highwater_model::Problem;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::stream::Stream;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes that run at once; one more, and the one that has taken longest is given up. A client that does its part needs some
/// milliseconds, so only who says nothing is still there when so many others have come.
const AT_ONCE: usize = 256;
/// What is read of a request in plain text, so that its answer arrives: closing a connection with unread bytes takes it back.
const PLAIN_BYTES: usize = 4 << 10;

/// One who shook hands, and where from; none where it came to nothing.
type Shaken = Option<(Box<TlsStream<TcpStream>>, SocketAddr)>;

/// A listener that answers by TLS.
#[derive(Debug)]
pub(crate) struct TlsListener {
    open: TcpListener,
    house: Option<TcpListener>,
    config: Arc<ServerConfig>,
    handshakes: JoinSet<Shaken>,
    /// Those of them that run, the oldest first.
    running: VecDeque<AbortHandle>,
}

impl TlsListener {
    /// Answers by TLS those who come to `open`, and in plain text those who come to `house`.
    pub(super) fn new(
        open: TcpListener,
        house: Option<TcpListener>,
        config: Arc<ServerConfig>,
    ) -> Self {
        Self {
            open,
            house,
            config,
            handshakes: JoinSet::new(),
            running: VecDeque::new(),
        }
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr) {
        self.running.retain(|handshake| !handshake.is_finished());
        if self.running.len() >= AT_ONCE
            && let Some(oldest) = self.running.pop_front()
        {
            oldest.abort();
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        let handshake = self.handshakes.spawn(async move {
            match timeout(PATIENCE, shake_hands(&acceptor, stream)).await {
                Ok(Ok(stream)) => stream.map(|stream| (Box::new(stream), peer)),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "the handshake failed");
                    None
                }
                Err(_) => {
                    tracing::debug!(%peer, "the handshake took too long");
                    None
                }
            }
        });
        self.running.push_back(handshake);
    }
}

impl Listener for TlsListener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            tokio::select! {
                Some(ended) = self.handshakes.join_next() => {
                    // An error is one that was given up.
                    if let Ok(Some((stream, peer))) = ended {
                        return (Stream::Tls(stream), peer);
                    }
                }
                (stream, peer) = next_of(self.house.as_mut()) => return (Stream::Plain(stream), peer),
                (stream, peer) = Listener::accept(&mut self.open) => self.begin(stream, peer),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.open.local_addr()
    }
}

async fn next_of(listener: Option<&mut TcpListener>) -> (TcpStream, SocketAddr) {
    match listener {
        // The trait's own: it waits a moment where the system has no file left for a connection.
        Some(listener) => Listener::accept(listener).await,
        None => pending().await,
    }
}

/// The stream behind the handshake; none for a client that speaks no TLS.
async fn shake_hands(
    acceptor: &TlsAcceptor,
    mut stream: TcpStream,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0_u8];
    // A handshake begins with a 22, a request in plain text with the letter of its method.
    if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        refuse(&mut stream).await?;
        return Ok(None);
    }
    acceptor.accept(stream).await.map(Some)
}

/// Answers a request in plain text, in plain text: that it came the wrong way.
async fn refuse(stream: &mut TcpStream) -> io::Result<()> {
    let problem = Problem::new(
        400,
        "https_only",
        "This server answers by https",
        "The request came in plain text; write https:// in front of the address.",
    );
    let body = serde_json::to_string(&problem)?;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let bytes = stream.read(&mut [0; PLAIN_BYTES]).await?;
    tracing::debug!(bytes, "a request came in plain text");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
