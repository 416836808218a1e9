//! Leaving without a gap: those in front hear that the server goes before it stops to listen, so that nobody meets a closed door.

use std::io;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio_util::sync::CancellationToken;

use crate::demo::DemoShop;
use crate::serve::{DRAIN, told_to_stop};

/// How a server leaves.
pub(crate) struct Leaving {
    /// Cancelled as soon as it is told to: `/readyz` says so, and whoever asks is asked to come back by another connection.
    pub(crate) draining: CancellationToken,
    /// Cancelled when it stops to listen, and live connections end.
    pub(crate) stopping: CancellationToken,
    /// How long it goes on between the two.
    pub(crate) pause: Duration,
}

impl Leaving {
    /// Answers until it is told to stop, and then until it has left; says how listening ended.
    pub(crate) async fn when_told(
        &self,
        server: impl Future<Output = io::Result<()>>,
        demo: Option<&DemoShop>,
    ) -> anyhow::Result<io::Result<()>> {
        tokio::pin!(server);
        let signal = tokio::select! {
            ended = &mut server => return Ok(ended),
            signal = told_to_stop() => signal?,
        };
        tracing::info!(signal, "stopping");
        self.draining.cancel();
        if !self.pause.is_zero() {
            tokio::select! {
                ended = &mut server => return Ok(ended),
                () = tokio::time::sleep(self.pause) => {}
                // Who says it twice means at once.
                again = told_to_stop() => {
                    again?;
                }
            }
        }
        if let Some(demo) = demo {
            // Its services give back what they have, which takes a server that answers.
            tokio::select! {
                ended = &mut server => return Ok(ended),
                () = demo.close() => {}
            }
        }
        self.stopping.cancel();
        if let Ok(ended) = tokio::time::timeout(DRAIN, &mut server).await {
            return Ok(ended);
        }
        tracing::warn!(
            "some requests still ran after {} s and were cut off",
            DRAIN.as_secs()
        );
        Ok(Ok(()))
    }
}

/// While the server drains, each answer ends its connection: kept open, it would bring the next request to where nobody listens any more.
pub(crate) async fn send_elsewhere(
    State(draining): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    // A live connection stays until the server stops.
    let is_socket = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if !is_socket && draining.is_cancelled() {
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
