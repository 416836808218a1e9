//! Backups of an embedded Postgres: an archive of its files, copied while it runs, with the write-ahead log that makes them whole.
//!
//! The files are copied here rather than by `pg_basebackup`, which is not among the programs that are fetched. Between the two calls
//! that begin and end a backup (whoever takes it has a database client and makes them), Postgres writes so that what is copied in the
//! middle of a change can be mended: the log from the beginning to the end of the backup says how.
//!
//! An archive is a tar, so that it can be looked at: `data/PG_VERSION` first, by which one of another major is known at once; the
//! other files of the cluster; the log; `secret`; `manifest.json`; and at the end `SHA256SUMS` of all of them, as `sha256sum -c` takes
//! it. One without that has been cut.
//!
//! What is left out of a copy: `files.rs`.

mod error;
mod exactly;
mod files;
mod read;
mod restore;
mod source;
#[cfg(test)]
mod tests;
mod wal;
mod write;

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::PostgresError;
use crate::error::at;

pub use error::BackupError;
pub use restore::{Restored, restore};
pub use source::Source;
pub use write::{BackupWriter, End, Written};

/// How archives are laid out.
pub const FORMAT: u32 = 1;

/// What first stands in an archive.
const MAJOR: &str = "data/PG_VERSION";
const SECRET: &str = "secret";
const MANIFEST: &str = "manifest.json";
/// What stands at its end.
const SUMS: &str = "SHA256SUMS";

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// How it is laid out: [`FORMAT`].
    pub format: u32,
    /// The Highwater that wrote it.
    pub highwater: String,
    /// The major version of Postgres that its data are of.
    pub postgres_major: u32,
    /// The whole version.
    pub postgres: String,
    /// The version of Highwater's schema.
    pub schema_version: i64,
    /// Every event up to here is in it, maybe some newer ones.
    pub position: i64,
    /// When it was taken, RFC 3339.
    pub taken_at: String,
}

/// Flushes the folder of something that was renamed, so that it keeps its new name.
fn sync_folder_of(path: &Path) -> Result<(), PostgresError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(at("can't flush", folder))
}
