//! HTTPS by the server itself, without a proxy: `serve --tls-cert FILE --tls-key FILE`.
//!
//! `certificate` reads the files and takes up renewed ones; `listener` shakes hands with whoever comes; `stream` is one who came.

mod certificate;
mod listener;
mod stream;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use highwater_store::Tasks;
use rustls::ServerConfig;

use crate::config::ServeArgs;
use certificate::Certificate;
use listener::TlsListener;

/// What the server answers by TLS with.
pub(crate) struct Tls {
    certificate: Arc<Certificate>,
    config: Arc<ServerConfig>,
    house: Option<House>,
}

/// Where the programs that the server starts itself come in, in plain text. The certificate is made out to the name by which others
/// reach the server, so they could not check it, and nobody but this machine gets here.
struct House {
    listener: TcpListener,
    address: SocketAddr,
}

impl Tls {
    /// With the files that were named; none when none was.
    pub(crate) fn of(args: &ServeArgs) -> anyhow::Result<Option<Self>> {
        let Some((chain, key)) = files(args)? else {
            return Ok(None);
        };
        let certificate = Arc::new(Certificate::read(chain, key)?);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Certificate>::clone(&certificate));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let house = args.demo.map(|_| House::open()).transpose()?;
        Ok(Some(Self {
            certificate,
            config: Arc::new(config),
            house,
        }))
    }

    /// Where the programs that the server starts itself find it, if it starts any.
    pub(crate) fn house(&self) -> Option<SocketAddr> {
        self.house.as_ref().map(|house| house.address)
    }

    /// Shakes hands with whoever comes to this listener, with the newest certificate.
    pub(crate) fn listen(
        self,
        open: tokio::net::TcpListener,
        tasks: &Tasks,
    ) -> anyhow::Result<TlsListener> {
        self.certificate.watch(tasks)?;
        let house = self
            .house
            .map(|house| tokio::net::TcpListener::from_std(house.listener))
            .transpose()?;
        Ok(TlsListener::new(open, house, self.config))
    }
}

impl House {
    fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("no port of 127.0.0.1 is free for the demo's services")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }
}

/// Certificate and key: both or none.
fn files(args: &ServeArgs) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    match (&args.tls_cert, &args.tls_key) {
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => Ok(Some((chain.clone(), key.clone()))),
        (Some(_), None) => {
            bail!("--tls-cert needs --tls-key beside it, the file with the certificate's key")
        }
        (None, Some(_)) => {
            bail!("--tls-key needs --tls-cert beside it, the file with the key's certificate")
        }
    }
}
