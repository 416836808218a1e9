//! What can go wrong with a backup, in sentences that say what to do.

use std::path::PathBuf;

use crate::PostgresError;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of that name.
    #[error("{} exists already; give another name, or --force to replace it", .0.display())]
    Exists(PathBuf),
    /// Another process writes the same archive.
    #[error("another backup is just written to {}; wait for it, or give another name", .0.display())]
    Busy(PathBuf),
    /// There is nothing to back up.
    #[error(
        "there is no database of Highwater's own in {}, or this user may not read it; name its folder with --data-dir. A Postgres of yours (--database-url) has tools of its own: pg_dump, pg_basebackup", .0.display()
    )]
    NoDatabase(PathBuf),
    /// Data lie outside of the data folder.
    #[error("{} has tablespaces in other folders, which are not copied; use pg_basebackup", .0.display())]
    Tablespaces(PathBuf),
    /// A file of the write-ahead log is gone, or what Postgres said of it makes no sense.
    #[error("the write-ahead log of the backup is not complete ({0}); take the backup again")]
    Log(String),
    /// The archive is not what was written.
    #[error("{} is no whole backup: {why}. Nothing was kept of it", path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A newer Highwater wrote it.
    #[error("{} was written by a newer Highwater ({format}; this one reads {}); use that one", path.display(), super::FORMAT)]
    Newer {
        /// The archive.
        path: PathBuf,
        /// How it is laid out.
        format: u32,
    },
    /// The data are of a Postgres that is not there.
    #[error(
        "the data in {} are of PostgreSQL {data}, and there is only PostgreSQL {found} here. Install PostgreSQL {data}, or point HIGHWATER_PG_BIN at it", path.display()
    )]
    OtherMajor {
        /// The archive.
        path: PathBuf,
        /// Its major.
        data: u32,
        /// The binaries' major.
        found: u32,
    },
    /// There is something in the folder.
    #[error("{} is not empty; a backup is restored to a new folder only", .0.display())]
    NotEmpty(PathBuf),
    /// A file or folder could not be used, or Postgres not be started.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}
