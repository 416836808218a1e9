//! Archives as such: of a folder that only looks like a cluster.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{BackupError, BackupWriter, End, FORMAT, Manifest, read};

const SEGMENT: &str = "000000010000000000000002";

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        highwater: "0.1.0".to_owned(),
        postgres_major: 15,
        postgres: "15.18".to_owned(),
        schema_version: 12,
        position: 4711,
        taken_at: "2026-11-30T12:00:00Z".to_owned(),
    }
}

fn end() -> End {
    End {
        label: format!("START WAL LOCATION: 0/2000028 (file {SEGMENT})\n"),
        stop: "0/2000138".to_owned(),
        segment_bytes: 16 << 20,
    }
}

/// A data folder.
fn data_dir(folder: &Path) {
    let data = folder.join("postgres/data");
    let log = format!("pg_wal/{SEGMENT}");
    for (name, text) in [
        ("PG_VERSION", "15\n"),
        ("global/pg_control", "the state"),
        ("global/pg_internal.init", "made anew"),
        ("base/5/16384", "rows of a table"),
        ("postmaster.pid", "4711\n"),
        (log.as_str(), "what was written"),
        ("pg_wal/000000010000000000000001", "long ago"),
    ] {
        let path = data.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(folder.join("postgres/secret"), "sesame").unwrap();
}

/// An archive of one.
fn archive(folder: &Path) -> PathBuf {
    data_dir(folder);
    let file = folder.join("backup.tar");
    let mut writer = BackupWriter::create(&file, folder, false).unwrap();
    writer.copy_data().unwrap();
    writer.copy_log(&end()).unwrap();
    let written = writer.finish(&manifest()).unwrap();
    assert_eq!(written.bytes, fs::metadata(&file).unwrap().len());
    file
}

fn names(file: &Path) -> Vec<String> {
    let mut archive = tar::Archive::new(fs::File::open(file).unwrap());
    let entries = archive.entries().unwrap();
    entries
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect()
}

#[test]
fn an_archive_has_what_a_cluster_needs_and_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = archive(folder.path());
    assert_eq!(
        names(&file),
        [
            "data/PG_VERSION",
            "data/base",
            "data/base/5",
            "data/base/5/16384",
            "data/global",
            "data/pg_wal",
            "data/global/pg_control",
            &format!("data/pg_wal/{SEGMENT}"),
            "data/backup_label",
            "secret",
            "manifest.json",
            "SHA256SUMS",
        ]
    );
    assert_eq!(read::read(&file, None).unwrap(), manifest());
    assert_eq!(read::major(&file).unwrap(), 15);
    assert!(!folder.path().join("backup.tar.part").exists());
}

#[test]
fn an_archive_that_was_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = archive(folder.path());
    let whole = fs::read(&file).unwrap();
    // A tar ends with two empty blocks, which hold nothing.
    for left in (0..whole.len() - 1024).step_by(512) {
        fs::write(&file, &whole[..left]).unwrap();
        let error = read::read(&file, None).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
    }
}

#[test]
fn an_archive_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = archive(folder.path());
    let whole = fs::read(&file).unwrap();
    for part in [
        "rows of a table",
        "the state",
        "what was written",
        "START WAL",
        "sesame",
        "4711",
        "data/base/5/16384",
    ] {
        let part = part.as_bytes();
        let found = whole.windows(part.len()).position(|bytes| bytes == part);
        let mut changed = whole.clone();
        changed[found.unwrap()] ^= 1;
        fs::write(&file, &changed).unwrap();
        let error = read::read(&file, None).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
    }
}

#[test]
fn an_archive_that_leads_out_of_its_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evil.tar");
    let mut builder = tar::Builder::new(fs::File::create(&file).unwrap());
    let mut header = tar::Header::new_gnu();
    let name = b"data/../../evil";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_size(0);
    header.set_cksum();
    builder.append(&header, io::empty()).unwrap();
    builder.finish().unwrap();
    let error = read::read(&file, None).unwrap_err().to_string();
    assert!(error.contains("which no backup has"), "{error}");
}

#[test]
fn a_file_is_not_replaced_unless_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = archive(folder.path());
    let error = BackupWriter::create(&file, folder.path(), false).err();
    assert!(matches!(error, Some(BackupError::Exists(_))));
    let mut writer = BackupWriter::create(&file, folder.path(), true).unwrap();
    let second = BackupWriter::create(&file, folder.path(), true).err();
    assert!(matches!(second, Some(BackupError::Busy(_))));
    writer.copy_data().unwrap();
    drop(writer);
    assert_eq!(read::read(&file, None).unwrap(), manifest());
    assert!(!folder.path().join("backup.tar.part").exists());
}

#[test]
fn a_backup_without_its_log_is_none() {
    let folder = tempfile::tempdir().unwrap();
    data_dir(folder.path());
    let file = folder.path().join("backup.tar");
    let mut writer = BackupWriter::create(&file, folder.path(), false).unwrap();
    writer.copy_data().unwrap();
    let end = End {
        stop: "0/3000138".to_owned(),
        ..end()
    };
    let error = writer.copy_log(&end).unwrap_err().to_string();
    assert!(error.contains("000000010000000000000003"), "{error}");
}
