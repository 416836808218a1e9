//! Where the server listens, and how it answers there: in plain text, or by TLS.

mod places;
mod pulse;
mod serving;
mod watched;

use std::io;
use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::serve::ListenerExt;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use highwater_store::Tasks;
use tokio_util::sync::CancellationToken;

pub(crate) use places::client_of;
pub(crate) use pulse::Patience;
pub(crate) use serving::Bounds;
use serving::Serving;

use crate::tls::Tls;

/// Where it listens.
pub(crate) struct Door {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Door {
    /// Behind this listener, which does not block.
    pub(crate) fn new(listener: TcpListener, tls: Option<Tls>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            tls,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as one types it into a browser, without a path.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where the programs that the server starts itself find it, in plain text.
    pub(crate) fn house(&self) -> SocketAddr {
        let house = self.tls.as_ref().and_then(Tls::house);
        house.unwrap_or(self.address)
    }

    /// Answers whoever comes, within bounds, until it is to stop.
    pub(crate) fn answer(
        self,
        app: Router,
        bounds: Bounds,
        stopping: &CancellationToken,
        tasks: &Tasks,
    ) -> anyhow::Result<BoxFuture<'static, io::Result<()>>> {
        let serving = Serving::new(app, bounds, stopping.clone());
        let open = tokio::net::TcpListener::from_std(self.listener)?;
        // What is sent is whole and small, an event or a ping, and is not held back until more comes. A connection that is gone can't
        // be told so, and that is seen where it is read.
        Ok(match self.tls {
            None => {
                let open = open.tap_io(|stream| drop(stream.set_nodelay(true)));
                serving.run(open).boxed()
            }
            Some(tls) => {
                let open = tls.listen(open, tasks)?;
                let open = open.tap_io(|stream| drop(stream.set_nodelay(true)));
                serving.run(open).boxed()
            }
        })
    }
}
