//! Writing an archive.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::exactly::Exactly;
use super::files::{CONTROL, Part, part};
use super::{BackupError, MANIFEST, Manifest, SECRET, SUMS, read, sync_folder_of, wal};
use crate::cluster::Cluster;
use crate::error::at;

/// What Postgres says at the end of a backup.
#[derive(Debug, Clone)]
pub struct End {
    /// The text of the file `backup_label`.
    pub label: String,
    /// Up to here the copy needs the write-ahead log.
    pub stop: String,
    /// The size of a file of that log.
    pub segment_bytes: u64,
}

/// An archive that was written and read back.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its size.
    pub bytes: u64,
    /// How many files are in it.
    pub files: usize,
}

/// An archive that is being written, under another name until it is whole. Dropping it leaves nothing behind.
pub struct BackupWriter {
    cluster: Cluster,
    target: PathBuf,
    part: Unfinished,
    is_forced: bool,
    archive: tar::Builder<BufWriter<File>>,
    sums: String,
}

impl BackupWriter {
    /// Begins one of the database in a data folder. A file of that name is replaced at the end, if that `is_forced`.
    pub fn create(target: &Path, data_dir: &Path, is_forced: bool) -> Result<Self, BackupError> {
        let data_dir = std::path::absolute(data_dir).map_err(at("can't use", data_dir))?;
        let cluster = Cluster::at(&data_dir);
        if cluster.major().is_none() {
            return Err(BackupError::NoDatabase(data_dir));
        }
        refuse_existing(target, is_forced)?;
        let mut name = OsString::from(target);
        name.push(".part");
        let path = PathBuf::from(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(at("can't write", &path))?;
        if file.try_lock().is_err() {
            return Err(BackupError::Busy(target.to_owned()));
        }
        let part = Unfinished(path);
        // What one that was killed has left.
        file.set_len(0).map_err(at("can't write", &part.0))?;
        Ok(Self {
            cluster,
            target: target.to_owned(),
            part,
            is_forced,
            archive: tar::Builder::new(BufWriter::with_capacity(1 << 20, file)),
            sums: String::new(),
        })
    }

    /// Copies the cluster's files. Postgres has been told that a backup begins, and not yet that it ends.
    pub fn copy_data(&mut self) -> Result<(), BackupError> {
        if !self.copy(Path::new("PG_VERSION"))? {
            return Err(BackupError::NoDatabase(self.cluster.data.clone()));
        }
        self.copy_below(Path::new(""))?;
        let control = self.control()?;
        let name = Path::new("data").join(CONTROL);
        self.put(&name, control.len() as u64, &control[..])
            .map_err(at("can't write", &self.part.0))?;
        Ok(())
    }

    /// Copies the write-ahead log. Postgres has been told that the backup ends, and still keeps that log.
    pub fn copy_log(&mut self, end: &End) -> Result<(), BackupError> {
        for name in wal::segments(&end.label, &end.stop, end.segment_bytes)? {
            if !self.copy(&Path::new("pg_wal").join(&name))? {
                return Err(BackupError::Log(format!("{name} is not there")));
            }
        }
        self.text("data/backup_label", &end.label)
    }

    /// Ends the archive, reads it back, and gives it its name.
    pub fn finish(mut self, manifest: &Manifest) -> Result<Written, BackupError> {
        let secret = self.cluster.secret()?;
        self.text(SECRET, &secret)?;
        let text = serde_json::to_string_pretty(manifest)
            .map_err(|error| at("can't write", &self.part.0)(error.into()))?;
        self.text(MANIFEST, &text)?;
        let files = self.sums.lines().count();
        let sums = std::mem::take(&mut self.sums);
        self.text(SUMS, &sums)?;

        let Self {
            target,
            part,
            is_forced,
            archive,
            ..
        } = self;
        // It stays open, and so locked, until the archive has its name.
        let file = archive
            .into_inner()
            .and_then(|buffered| buffered.into_inner().map_err(io::Error::from))
            .map_err(at("can't write", &part.0))?;
        let bytes = file
            .sync_all()
            .and_then(|()| file.metadata())
            .map_err(at("can't write", &part.0))?
            .len();
        let found = read::read(&part.0, None)?;
        if found != *manifest {
            return Err(BackupError::Damaged {
                path: part.0.clone(),
                why: "its manifest is not the one that was written".to_owned(),
            });
        }
        refuse_existing(&target, is_forced)?;
        fs::rename(&part.0, &target).map_err(at("can't rename to", &target))?;
        sync_folder_of(&target)?;
        Ok(Written { bytes, files })
    }

    fn copy_below(&mut self, below: &Path) -> Result<(), BackupError> {
        let folder = self.cluster.data.join(below);
        let mut entries =
            match fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                listed => listed.map_err(at("can't list", &folder))?,
            };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = below.join(entry.file_name());
            let facts = match fs::metadata(entry.path()) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                found => found.map_err(at("can't look at", &entry.path()))?,
            };
            if path.parent() == Some(Path::new("pg_tblspc")) {
                return Err(BackupError::Tablespaces(self.cluster.data.clone()));
            }
            let part = part(&path, facts.is_dir());
            if facts.is_dir() && part != Part::LeftOut {
                self.folder(&path)?;
                self.copy_below(&path)?;
            } else if facts.is_file() && part == Part::Copied {
                self.copy(&path)?;
            }
        }
        Ok(())
    }

    /// Copies a file; false when there is none: tables come and go meanwhile, and the log tells of it.
    fn copy(&mut self, path: &Path) -> Result<bool, BackupError> {
        let from = self.cluster.data.join(path);
        let file = match File::open(&from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            opened => opened.map_err(at("can't read", &from))?,
        };
        let facts = file.metadata().map_err(at("can't look at", &from))?;
        self.put(&Path::new("data").join(path), facts.len(), file)
            .map_err(at("can't copy", &from))?;
        Ok(true)
    }

    /// The cluster's state. It is one page, and one that was written while it was read would be of no use.
    fn control(&self) -> Result<Vec<u8>, BackupError> {
        let path = self.cluster.data.join(CONTROL);
        let read = || fs::read(&path).map_err(at("can't read", &path));
        let mut found = read()?;
        loop {
            let again = read()?;
            if again == found {
                return Ok(found);
            }
            found = again;
        }
    }

    fn folder(&mut self, path: &Path) -> Result<(), BackupError> {
        let mut header = header(tar::EntryType::Directory, 0, 0o700);
        let name = Path::new("data").join(path);
        self.archive
            .append_data(&mut header, name, io::empty())
            .map_err(at("can't write", &self.part.0))?;
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) -> Result<(), BackupError> {
        self.put(Path::new(name), text.len() as u64, text.as_bytes())
            .map_err(at("can't write", &self.part.0))?;
        Ok(())
    }

    /// Adds a file of so many bytes.
    fn put(&mut self, name: &Path, bytes: u64, from: impl Read) -> io::Result<()> {
        let mut from = Exactly::new(from, bytes);
        let mut header = header(tar::EntryType::Regular, bytes, 0o600);
        self.archive.append_data(&mut header, name, &mut from)?;
        let hash = from.hash();
        // Writing into a string does not fail.
        let _ = writeln!(self.sums, "{hash}  {}", name.display());
        Ok(())
    }
}

fn header(kind: tar::EntryType, bytes: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(bytes);
    header.set_mode(mode);
    header
}

fn refuse_existing(target: &Path, is_forced: bool) -> Result<(), BackupError> {
    if target.exists() && !is_forced {
        return Err(BackupError::Exists(target.to_owned()));
    }
    Ok(())
}

/// A file that goes when it did not get its name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
