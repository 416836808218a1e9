//! Takes in whoever comes, and answers them: as axum's own `serve` does, with bounds for how many there are and how long they may be
//! silent.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use highwater_model::Problem;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::places::{Full, Place, Places};
use super::pulse::{Busy, Overdue, Patience, Pulse};
use super::watched::{Answer, Watched};
use crate::files;
use crate::proxies::Proxies;

/// How long the head of a request may be: a filter line is a part of its address.
const HEAD_BYTES: usize = 64 << 10;
/// Files that are not connections of clients: those to the database, the program's own.
const OTHER_FILES: usize = 128;
/// Who finds no place is told so; more than so many at once are only hung up on.
const REFUSALS: usize = 256;
/// How long telling somebody may take.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);
/// When somebody who found no place may come again, in seconds.
const COME_AGAIN_S: u64 = 5;
/// What is read of who is refused, so that the answer arrives: closing a connection with unread bytes takes it back.
const REFUSED_BYTES: usize = 4 << 10;
/// Whether the process runs. It does, and who asks would end it for a 503.
const ALIVE: &[u8] = b"GET /healthz ";
const IS_ALIVE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n";

/// How many may be connected, and how long they may be silent.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Connections in all.
    pub(crate) most: usize,
    /// Connections from one address.
    pub(crate) each: usize,
    /// Proxies, behind which there are many.
    pub(crate) proxies: Proxies,
    /// How long they may be silent.
    pub(crate) patience: Patience,
}

/// Answers whoever comes.
pub(super) struct Serving {
    app: Router,
    places: Places,
    patience: Patience,
    stopping: CancellationToken,
}

impl Serving {
    /// By this router, until it is to stop.
    pub(super) fn new(app: Router, bounds: Bounds, stopping: CancellationToken) -> Self {
        let files = files::raise().saturating_sub(OTHER_FILES).max(1);
        if files < bounds.most {
            tracing::warn!(
                connections = files,
                "the system lets this process have few files open, and so few connections (ulimit -n)"
            );
        }
        Self {
            // Once, instead of for each request.
            app: app.with_state(()),
            places: Places::new(bounds.most.min(files), bounds.each, bounds.proxies),
            patience: bounds.patience,
            stopping,
        }
    }

    /// Until it is to stop, and what is being answered is.
    pub(super) async fn run<L>(self, mut listener: L) -> io::Result<()>
    where
        L: Listener<Addr = SocketAddr>,
    {
        let mut open = JoinSet::new();
        let mut refused = JoinSet::new();
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => break,
                Some(ended) = open.join_next() => told(&ended),
                Some(_) = refused.join_next() => {}
                (stream, peer) = listener.accept() => match self.places.take(peer.ip()) {
                    Ok(place) => {
                        open.spawn(self.serve(stream, peer, place));
                    }
                    // Told, not left in the backlog: there a client would wait for a time-out of its own, as would a probe, and nobody
                    // would know why.
                    Err(full) => {
                        metrics::counter!("highwater_connections_refused_total", "reason" => full.as_str()).increment(1);
                        if refused.len() < REFUSALS {
                            refused.spawn(refuse(stream, full));
                        }
                    }
                },
            }
        }
        drop(listener);
        while let Some(ended) = open.join_next().await {
            told(&ended);
        }
        Ok(())
    }

    fn serve<Io>(
        &self,
        stream: Io,
        peer: SocketAddr,
        place: Place,
    ) -> impl Future<Output = ()> + Send + use<Io>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Arc::new(Pulse::new(Instant::now()));
        let stream = Watched::new(stream, Arc::clone(&pulse), place);
        let (app, stopping) = (self.app.clone(), self.stopping.clone());
        connection(app, stream, peer, pulse, self.patience, stopping)
    }
}

/// Serves one connection until either side ends it.
async fn connection<Io>(
    app: Router,
    stream: Watched<Io>,
    peer: SocketAddr,
    pulse: Arc<Pulse>,
    patience: Patience,
    stopping: CancellationToken,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let beating = Arc::clone(&pulse);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = Busy::new(&beating);
        let app = app.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        async move {
            let response = app.oneshot(request).await?;
            Ok::<_, Infallible>(response.map(|body| Answer::new(body, busy)))
        }
    });
    let mut http = http1::Builder::new();
    // The pulse has a time-out for heads of its own.
    http.header_read_timeout(None::<Duration>)
        .max_header_size(HEAD_BYTES);
    let serving = http
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(serving);
    let every = patience.look();
    let mut look = interval_at(tokio::time::Instant::now() + every, every);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut closing = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection broke off");
                }
                return;
            }
            () = stopping.cancelled(), if !closing => {
                closing = true;
                serving.as_mut().graceful_shutdown();
            }
            _ = look.tick() => match pulse.overdue(patience, Instant::now()) {
                None => {}
                // In order, as a request may be on its way.
                Some(Overdue::Idle) if !closing => {
                    closing = true;
                    serving.as_mut().graceful_shutdown();
                }
                Some(why) => {
                    metrics::counter!("highwater_connections_ended_total", "reason" => why.as_str()).increment(1);
                    tracing::debug!(%peer, why = why.as_str(), "a connection was ended");
                    return;
                }
            },
        }
    }
}

fn told(ended: &Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended badly");
    }
}

/// Says that there is no place, whatever was asked; but whether the process runs is answered.
async fn refuse<Io>(mut stream: Io, full: Full)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let detail = match full {
        Full::All => "The server has as many connections as it takes; come again in a moment.",
        Full::Address => {
            "This address has as many connections as one may have; close some, or come again in a moment."
        }
    };
    let problem = Problem::new(503, "too_many_connections", "Too many connections", detail)
        .with("retry_after", COME_AGAIN_S);
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: {COME_AGAIN_S}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let said = async {
        let mut asked = vec![0; REFUSED_BYTES];
        let bytes = stream.read(&mut asked).await?;
        tracing::trace!(bytes, "somebody found no place");
        let answer = if asked.starts_with(ALIVE) {
            IS_ALIVE
        } else {
            answer.as_str()
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    // Who is gone, or too slow, is not told.
    let _: Result<io::Result<()>, _> = timeout(REFUSED_WITHIN, said).await;
}
