//! Restoring an archive to a new data folder.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::{self, Target};
use super::{BackupError, Manifest, sync_folder_of};
use crate::account::{self, Account};
use crate::cluster::Cluster;
use crate::error::at;
use crate::{Binaries, Embedded, Options, PostgresError, Search};

/// What it is called until it is whole.
const UNFINISHED: &str = "postgres.new";
/// How long the first start may take: it writes what the log has, which can be a lot.
const FIRST_START: Duration = Duration::from_hours(2);

/// A database that was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the archive said of itself.
    pub manifest: Manifest,
    binaries: Binaries,
    data_dir: PathBuf,
    /// The folder was not there before.
    is_new: bool,
}

/// Unpacks an archive as the database of a new data folder. When that fails, nothing is left of it.
pub fn restore(
    archive: &Path,
    data_dir: &Path,
    notice: &mut dyn FnMut(&str),
) -> Result<Restored, BackupError> {
    let data_dir = std::path::absolute(data_dir).map_err(at("can't use", data_dir))?;
    let is_new = !data_dir.exists();
    if !is_new && !is_empty(&data_dir)? {
        return Err(BackupError::NotEmpty(data_dir));
    }
    let binaries = binaries(archive, notice)?;
    let account = Account::needed()?;
    let mut undo = Undo {
        data_dir: data_dir.clone(),
        is_new,
        is_done: false,
    };
    fs::create_dir_all(&data_dir).map_err(at("can't create", &data_dir))?;
    can_be_reached(&data_dir, account.as_ref())?;
    let unpacked = Unpacked {
        folder: data_dir.join(UNFINISHED),
        account: account.as_ref(),
    };
    if unpacked.folder.exists() {
        fs::remove_dir_all(&unpacked.folder)
            .map_err(at("can't remove the unfinished", &unpacked.folder))?;
    }
    account::private_folder(&unpacked.folder, unpacked.account)?;
    unpacked.folder(Path::new("data"))?;
    let manifest = read::read(archive, Some(&unpacked))?;
    let home = Cluster::at(&data_dir).home;
    fs::rename(&unpacked.folder, &home).map_err(at("can't rename to", &home))?;
    sync_folder_of(&home)?;
    undo.is_done = true;
    Ok(Restored {
        manifest,
        binaries,
        data_dir,
        is_new,
    })
}

impl Restored {
    /// Starts it for the first time: it writes what the log of the backup has, and flushes all of its files.
    pub fn start(&self, notice: &mut dyn FnMut(&str)) -> Result<Embedded, PostgresError> {
        let options = Options {
            start_timeout: FIRST_START,
            ..Options::new(&self.data_dir)
        };
        Embedded::start(&self.binaries, &options, notice)
    }

    /// Removes it: it is not what it should be.
    pub fn undo(self) {
        drop(Undo {
            data_dir: self.data_dir,
            is_new: self.is_new,
            is_done: false,
        });
    }
}

/// The programs that an archive's data need.
fn binaries(archive: &Path, notice: &mut dyn FnMut(&str)) -> Result<Binaries, BackupError> {
    let major = read::major(archive)?;
    let usual = Binaries::find_or_fetch(notice)?;
    if usual.major() == major {
        return Ok(usual);
    }
    let search = Search {
        major: Some(major),
        ..Search::default()
    };
    Binaries::find(&search)?
        .filter(|found| found.major() == major)
        .ok_or_else(|| BackupError::OtherMajor {
            path: archive.to_owned(),
            data: major,
            found: usual.major(),
        })
}

/// What a killed restore has left does not count.
fn is_empty(folder: &Path) -> Result<bool, BackupError> {
    let entries = fs::read_dir(folder).map_err(at("can't list", folder))?;
    for entry in entries {
        let entry = entry.map_err(at("can't list", folder))?;
        if entry.file_name() != UNFINISHED {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Said before, not after, all of it was unpacked. The folder itself is handed to Postgres' user at the first start.
fn can_be_reached(data_dir: &Path, account: Option<&Account>) -> Result<(), BackupError> {
    let Some(account) = account else {
        return Ok(());
    };
    let own = fs::canonicalize(data_dir).map_err(at("can't use", data_dir))?;
    match account.stopped_at(data_dir) {
        Some(path) if path != own => Err(BackupError::Postgres(PostgresError::OutOfReach {
            path,
            user: account.name.clone(),
        })),
        _ => Ok(()),
    }
}

/// Where an archive is unpacked. Nothing is flushed here: Postgres does that itself, at the start of data that were copied while it ran.
struct Unpacked<'a> {
    folder: PathBuf,
    account: Option<&'a Account>,
}

impl Target for Unpacked<'_> {
    fn folder(&self, name: &Path) -> Result<(), PostgresError> {
        account::private_folder(&self.folder.join(name), self.account)
    }

    fn file(&self, name: &Path) -> Result<(PathBuf, File), PostgresError> {
        let path = self.folder.join(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(at("can't write", &path))?;
        account::give(&path, self.account)?;
        Ok((path, file))
    }
}

/// Leaves a folder as it was, unless all went well.
struct Undo {
    data_dir: PathBuf,
    is_new: bool,
    is_done: bool,
}

impl Drop for Undo {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let _ = fs::remove_dir_all(self.data_dir.join(UNFINISHED));
        let _ = fs::remove_dir_all(Cluster::at(&self.data_dir).home);
        if self.is_new {
            let _ = fs::remove_dir(&self.data_dir);
        }
    }
}
