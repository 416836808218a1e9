//! Reading an archive: all of it is checked, whether it is unpacked or not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{BackupError, FORMAT, MAJOR, MANIFEST, Manifest, SECRET, SUMS};
use crate::error::at;
use crate::{PostgresError, places};

/// More than any manifest or list of sums has: what says so is damaged.
const TEXT_BYTES: u64 = 256 << 20;

/// Where an archive is unpacked.
pub(super) trait Target {
    /// Makes a folder.
    fn folder(&self, name: &Path) -> Result<(), PostgresError>;
    /// Makes a file, and says where.
    fn file(&self, name: &Path) -> Result<(PathBuf, File), PostgresError>;
}

/// Reads an archive to its end, and unpacks it where that is said. What it gives is only right when this succeeds.
pub(super) fn read(path: &Path, into: Option<&dyn Target>) -> Result<Manifest, BackupError> {
    let damaged = |why: String| BackupError::Damaged {
        path: path.to_owned(),
        why,
    };
    let file = File::open(path).map_err(at("can't read", path))?;
    let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 20, file));
    let mut found = Found::default();
    let entries = archive
        .entries()
        .map_err(|error| damaged(error.to_string()))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
        let name = name(&entry).map_err(damaged)?;
        if found.sums.is_some() {
            return Err(damaged(format!("{name} stands behind its end")));
        }
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            if let Some(into) = into {
                into.folder(Path::new(&name))?;
            }
            continue;
        }
        if !kind.is_file() {
            return Err(damaged(format!("{name} is neither a file nor a folder")));
        }
        let bytes = entry.size();
        let mut out = Out::of(&name, bytes, into)?;
        let hash = copy(&mut entry, bytes, &name, &mut out).map_err(|error| match error {
            Broken::Archive(why) => damaged(why),
            Broken::Target(error) => error.into(),
        })?;
        found.take(&name, hash, out).map_err(damaged)?;
    }
    found.checked(path)
}

/// The major version of an archive's data, by its first file.
pub(super) fn major(path: &Path) -> Result<u32, BackupError> {
    let file = File::open(path).map_err(at("can't read", path))?;
    let first = first(file).ok().flatten();
    first.ok_or_else(|| BackupError::Damaged {
        path: path.to_owned(),
        why: "it does not begin as one".to_owned(),
    })
}

fn first(archive: File) -> io::Result<Option<u32>> {
    let mut archive = tar::Archive::new(BufReader::new(archive));
    let Some(entry) = archive.entries()?.next() else {
        return Ok(None);
    };
    let entry = entry?;
    if *entry.path()? != *Path::new(MAJOR) {
        return Ok(None);
    }
    let mut text = String::new();
    entry.take(16).read_to_string(&mut text)?;
    Ok(text.trim().parse().ok())
}

/// What was read.
#[derive(Default)]
struct Found {
    hashes: BTreeMap<String, String>,
    manifest: Option<Vec<u8>>,
    sums: Option<Vec<u8>>,
}

impl Found {
    fn take(&mut self, name: &str, hash: String, out: Out) -> Result<(), String> {
        if let Out::Text(text) = out {
            if name == SUMS {
                self.sums = Some(text);
                return Ok(());
            }
            self.manifest = Some(text);
        }
        match self.hashes.insert(name.to_owned(), hash) {
            Some(_) => Err(format!("{name} is in it twice")),
            None => Ok(()),
        }
    }

    /// Holds what was read against the sums at the end.
    fn checked(self, path: &Path) -> Result<Manifest, BackupError> {
        let damaged = |why: &str| BackupError::Damaged {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let sums = self
            .sums
            .ok_or_else(|| damaged("it was cut, its end is missing"))?;
        let sums = String::from_utf8(sums).map_err(|_| damaged("its sums can't be read"))?;
        let mut written: BTreeMap<&str, &str> = BTreeMap::new();
        for line in sums.lines() {
            let (hash, name) = line
                .split_once("  ")
                .ok_or_else(|| damaged("its sums can't be read"))?;
            written.insert(name, hash);
        }
        for (name, hash) in &self.hashes {
            if written.remove(name.as_str()) != Some(hash.as_str()) {
                return Err(damaged(&format!("{name} is not as it was written")));
            }
        }
        if let Some(name) = written.keys().next() {
            return Err(damaged(&format!("{name} is missing")));
        }
        let manifest: serde_json::Value = self
            .manifest
            .and_then(|text| serde_json::from_slice(&text).ok())
            .ok_or_else(|| damaged("its manifest can't be read"))?;
        // First, for a newer one may have other fields.
        let format = manifest["format"].as_u64().unwrap_or_default();
        if format > u64::from(FORMAT) {
            return Err(BackupError::Newer {
                path: path.to_owned(),
                format: u32::try_from(format).unwrap_or(u32::MAX),
            });
        }
        serde_json::from_value(manifest).map_err(|_| damaged("its manifest can't be read"))
    }
}

/// Where a file of an archive goes.
enum Out {
    Nowhere,
    /// What is read itself.
    Text(Vec<u8>),
    File(PathBuf, File),
}

impl Out {
    fn of(name: &str, bytes: u64, into: Option<&dyn Target>) -> Result<Self, PostgresError> {
        if name == MANIFEST || name == SUMS {
            // The size is not proven yet, so nothing is set aside for it.
            return Ok(if bytes > TEXT_BYTES {
                Self::Nowhere
            } else {
                Self::Text(Vec::new())
            });
        }
        match into {
            None => Ok(Self::Nowhere),
            Some(into) => {
                let (path, file) = into.file(Path::new(name))?;
                Ok(Self::File(path, file))
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PostgresError> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Text(text) => {
                text.extend_from_slice(bytes);
                Ok(())
            }
            Self::File(path, file) => file.write_all(bytes).map_err(at("can't write", path)),
        }
    }
}

/// Whose fault it is.
enum Broken {
    Archive(String),
    Target(PostgresError),
}

/// Copies a file of an archive; its hash.
fn copy(from: &mut impl Read, bytes: u64, name: &str, to: &mut Out) -> Result<String, Broken> {
    let mut hash = Sha256::new();
    let mut left = bytes;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from
            .read(&mut buffer)
            .map_err(|error| Broken::Archive(format!("{name} can't be read: {error}")))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        to.write(&buffer[..read]).map_err(Broken::Target)?;
        left = left.saturating_sub(read as u64);
    }
    if left > 0 {
        return Err(Broken::Archive(format!(
            "it was cut, it ends in the middle of {name}"
        )));
    }
    Ok(places::hex(&hash.finalize()))
}

/// The name of a file or folder of an archive, which leads nowhere else.
fn name<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, String> {
    let path = entry.path().map_err(|error| error.to_string())?;
    let name = path.to_string_lossy().trim_end_matches('/').to_owned();
    let stays = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let is_known = name.starts_with("data/") || [SECRET, MANIFEST, SUMS].contains(&&*name);
    if stays && is_known {
        Ok(name)
    } else {
        Err(format!("{name:?} is in it, which no backup has"))
    }
}
