//! The certificate that the server shows: read from files, and again when somebody has renewed them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use highwater_store::Tasks;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is looked whether the files were renewed; a signal has it looked at once.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// A certificate and its key, which somebody renews.
#[derive(Debug)]
pub(super) struct Certificate {
    files: Files,
    /// The files that were read at first.
    first: [Option<Version>; 2],
    now: RwLock<Arc<CertifiedKey>>,
}

#[derive(Debug, Clone)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// What differs when a file was written anew, or another one was put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: (i64, i64),
    inode: u64,
    bytes: u64,
}

impl Certificate {
    /// Reads both files.
    pub(super) fn read(chain: PathBuf, key: PathBuf) -> anyhow::Result<Self> {
        let files = Files { chain, key };
        // Before they are read: what is written meanwhile is found later.
        let first = files.versions();
        let now = files.read()?;
        Ok(Self {
            files,
            first,
            now: RwLock::new(Arc::new(now)),
        })
    }

    /// Takes up renewed files from now on: as soon as SIGHUP says so, or else within a minute.
    pub(super) fn watch(self: &Arc<Self>, tasks: &Tasks) -> anyhow::Result<()> {
        let mut told = signal(SignalKind::hangup())?;
        let certificate = Arc::clone(self);
        let stop = tasks.token();
        tasks.spawn("certificate", async move {
            let mut seen = certificate.first;
            loop {
                let is_told = tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(LOOK_EVERY) => false,
                    _ = told.recv() => true,
                };
                let found = certificate.files.versions();
                if is_told || found != seen {
                    seen = found;
                    certificate.renew();
                }
            }
        });
        Ok(())
    }

    fn renew(&self) {
        match self.files.read() {
            Ok(renewed) => {
                let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
                *now = Arc::new(renewed);
                tracing::info!("the certificate was read again and is used from now on");
            }
            Err(error) => {
                let why = format!("{error:#}");
                tracing::error!(why, "the certificate from before stays in use");
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&now))
    }
}

impl Files {
    fn versions(&self) -> [Option<Version>; 2] {
        [version(&self.chain), version(&self.key)]
    }

    fn read(&self) -> anyhow::Result<CertifiedKey> {
        let (chain_file, key_file) = (self.chain.display(), self.key.display());
        let chain = CertificateDer::pem_file_iter(&self.chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("can't read the certificate in {chain_file}"))?;
        ensure!(
            !chain.is_empty(),
            "there is no certificate in {chain_file}; it takes PEM, the server's own certificate first, then those that vouch for it"
        );
        let key = PrivateKeyDer::from_pem_file(&self.key).with_context(|| {
            format!("can't read the key in {key_file}; it takes PEM, without a password")
        })?;
        let provider = rustls::crypto::ring::default_provider();
        CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => anyhow!(
                "the key in {key_file} is not the one of the certificate in {chain_file}; give two that belong together"
            ),
            other => anyhow!("can't use the certificate in {chain_file} with the key in {key_file}: {other}"),
        })
    }
}

fn version(file: &Path) -> Option<Version> {
    // Through links: where certificates are mounted, a link is put on the renewed ones.
    let facts = fs::metadata(file).ok()?;
    Some(Version {
        modified: (facts.mtime(), facts.mtime_nsec()),
        inode: facts.ino(),
        bytes: facts.size(),
    })
}
