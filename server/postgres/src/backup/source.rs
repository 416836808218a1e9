//! The Postgres that a backup is taken of: the one that runs, or one that is started for it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::error::at;
use crate::keeper::pause;
use crate::postmaster::Postmaster;
use crate::server::url;
use crate::{Binaries, Embedded, Options, PostgresError, sys};

/// How long a server that is just starting may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A Postgres on a data folder.
#[derive(Debug)]
pub enum Source {
    /// A server has started it; its URL.
    Running(String),
    /// It was started for this.
    Own(Box<Embedded>),
}

impl Source {
    /// Finds it, or starts it. Blocks.
    pub fn open(data_dir: &Path, notice: &mut dyn FnMut(&str)) -> Result<Self, PostgresError> {
        let data_dir = std::path::absolute(data_dir).map_err(at("can't use", data_dir))?;
        let cluster = Cluster::at(&data_dir);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(url) = running(&cluster)? {
                return Ok(Self::Running(url));
            }
            let binaries = Binaries::find_or_fetch(notice)?;
            match Embedded::start(&binaries, &Options::new(&data_dir), notice) {
                Ok(own) => return Ok(Self::Own(Box::new(own))),
                // A server has the folder, and its Postgres is not ready yet.
                Err(PostgresError::InUse { .. }) if Instant::now() < until => {
                    pause(Duration::from_millis(100));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is, with the password.
    pub fn url(&self) -> String {
        match self {
            Self::Running(url) => url.clone(),
            Self::Own(own) => own.url(),
        }
    }

    /// Lets it go: one that was started for this ends.
    pub fn close(self) {
        if let Self::Own(own) = self {
            own.stop();
        }
    }
}

/// The URL of a Postgres that is ready, and whose server is there. One whose server was killed is about to end.
fn running(cluster: &Cluster) -> Result<Option<String>, PostgresError> {
    let owner = fs::read_to_string(cluster.home.join("lock")).unwrap_or_default();
    if !owner.trim().parse().is_ok_and(sys::exists) {
        return Ok(None);
    }
    let Some(postmaster) = Postmaster::read(&cluster.data) else {
        return Ok(None);
    };
    if !postmaster.ready || !postmaster.alive(&cluster.data) {
        return Ok(None);
    }
    let Some(folder) = Postmaster::socket_folder(&cluster.data) else {
        return Ok(None);
    };
    Ok(Some(url("postgres", &folder, &cluster.secret()?)))
}
