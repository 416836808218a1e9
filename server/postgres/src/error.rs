//! What can go wrong, in sentences that say what to do.

use std::path::{Path, PathBuf};

/// Why there is no embedded Postgres.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// A file or folder could not be used.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which path.
        path: PathBuf,
        /// The system's own word.
        source: std::io::Error,
    },
    /// Nothing usable is installed and it could not be fetched.
    #[error(
        "there is no PostgreSQL {oldest} or newer on this machine, and {why}. Install one with `{install}`, or point HIGHWATER_PG_BIN at a folder with postgres and initdb, or give --database-url"
    )]
    NotFound {
        /// The oldest major that is taken.
        oldest: u32,
        /// Why it could not be fetched.
        why: String,
        /// One line that helps on this platform.
        install: &'static str,
    },
    /// A folder that was named holds no usable Postgres.
    #[error("{} does not hold a usable PostgreSQL {oldest} or newer: {why}", path.display())]
    NotUsable {
        /// The folder.
        path: PathBuf,
        /// The oldest major that is taken.
        oldest: u32,
        /// What is wrong.
        why: String,
    },
    /// A fetched package is not the one that was asked for.
    #[error(
        "{} is not the package that Highwater knows: its sha512 is {actual}, not {expected}. Nothing was unpacked", path.display()
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// A package could not be read.
    #[error("the package {} can't be used: {why}", path.display())]
    BadPackage {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The data folder was made by another major version.
    #[error(
        "the data in {} was made by PostgreSQL {data}, and there is only PostgreSQL {found} here. Install PostgreSQL {data} (or point HIGHWATER_PG_BIN at it), or give another --data-dir", path.display()
    )]
    OtherMajor {
        /// The data folder.
        path: PathBuf,
        /// Its major.
        data: String,
        /// The binaries' major.
        found: u32,
    },
    /// Another Highwater holds the data folder.
    #[error(
        "the data folder {} is in use by another Highwater, {}. Use that one, stop it, or give another --data-dir",
        path.display(), holder(*owner, *postgres)
    )]
    InUse {
        /// The data folder.
        path: PathBuf,
        /// Process id of the Highwater that holds it.
        owner: Option<u32>,
        /// Process id of its Postgres.
        postgres: Option<u32>,
    },
    /// A Postgres that is not ours runs on the data folder.
    #[error(
        "a Postgres (process {pid}) already runs on {}, though no Highwater holds it. Stop it with `kill -INT {pid}` and start again", path.display()
    )]
    Orphan {
        /// The data folder.
        path: PathBuf,
        /// Its process id.
        pid: u32,
    },
    /// The unprivileged user cannot get to a folder.
    #[error(
        "Postgres refuses to run as root and runs as the user {user} instead, who can't get into {}. Give a --data-dir that every user can reach, such as /var/lib/highwater", path.display()
    )]
    OutOfReach {
        /// The folder that stops it.
        path: PathBuf,
        /// The user.
        user: String,
    },
    /// Root without an unprivileged user to run as.
    #[error(
        "Postgres refuses to run as root, and there is neither a user postgres nor a user nobody to run it as; start Highwater as an ordinary user"
    )]
    NoAccount,
    /// The folder for the socket belongs to someone else.
    #[error("{} is not a private folder of ours (it must be a folder of user id {uid} with mode 0700); remove it and start again", path.display())]
    SocketFolder {
        /// The folder.
        path: PathBuf,
        /// Who should own it.
        uid: u32,
    },
    /// initdb said no.
    #[error("initdb could not create {}: {output}", path.display())]
    Initdb {
        /// The data folder.
        path: PathBuf,
        /// What it said.
        output: String,
    },
    /// Postgres ended before it was ready.
    #[error("Postgres ended while starting ({status}). The end of {}:\n{tail}", log.display())]
    Ended {
        /// How.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Postgres was not ready in time.
    #[error("Postgres was not ready after {seconds} s and was stopped. The end of {}:\n{tail}", log.display())]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
}

fn holder(owner: Option<u32>, postgres: Option<u32>) -> String {
    match (owner, postgres) {
        (Some(owner), Some(postgres)) => {
            format!("process {owner} (its Postgres is process {postgres})")
        }
        (Some(owner), None) => format!("process {owner}, which is just starting"),
        (None, Some(postgres)) => format!("whose Postgres is process {postgres}"),
        (None, None) => "which is just starting".to_owned(),
    }
}

/// Gives an I/O error its place.
pub(crate) fn at<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> PostgresError + 'a {
    move |source| PostgresError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
