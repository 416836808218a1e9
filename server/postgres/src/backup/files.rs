//! What of a data folder is copied. As in Postgres' own base backups: what a start makes anew, or belongs to the running process, is not.

use std::path::Path;

/// Folders whose files say nothing to a restored database; it needs the folders.
const EMPTIED: [&str; 8] = [
    "pg_dynshmem",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat_tmp",
    "pg_subtrans",
    "pg_wal",
];

/// Files of the running process, and those of a backup, which the archive has of its own.
const LEFT_OUT: [&str; 8] = [
    "backup_label",
    "backup_manifest",
    "current_logfiles",
    "current_logfiles.tmp",
    "postgresql.auto.conf.tmp",
    "postmaster.opts",
    "postmaster.pid",
    "tablespace_map",
];

/// The cluster's state; copied at the end, so that it is never older than what it tells of.
pub(super) const CONTROL: &str = "global/pg_control";

/// What becomes of an entry of a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It is copied; a folder with what is in it.
    Copied,
    /// The folder is there in the copy, what is in it is looked at.
    Emptied,
    /// It is not in the copy, or gets there in another way.
    LeftOut,
}

/// By its path in the data folder.
pub(super) fn part(path: &Path, is_folder: bool) -> Part {
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(path), Some(name)) = (path.to_str(), name) else {
        // Postgres gives no such names.
        return Part::LeftOut;
    };
    let top = path.split('/').next().unwrap_or_default();
    if name.starts_with("pgsql_tmp") || name.starts_with("pg_internal.init") {
        return Part::LeftOut;
    }
    if EMPTIED.contains(&top) {
        // Histories of timelines are small, and a cluster that was once restored in time may need them.
        let is_history = top == "pg_wal" && path.ends_with(".history");
        return match (is_folder, is_history) {
            (true, _) if top == "pg_replslot" && path != top => Part::LeftOut,
            (true, _) => Part::Emptied,
            (false, true) => Part::Copied,
            (false, false) => Part::LeftOut,
        };
    }
    if path == CONTROL || path == "PG_VERSION" || LEFT_OUT.contains(&path) {
        return Part::LeftOut;
    }
    Part::Copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_configuration_are_copied_and_what_a_start_makes_anew_is_not() {
        let file = |path: &str| part(Path::new(path), false);
        for path in [
            "base/5/16384",
            "global/1262",
            "pg_xact/0000",
            "postgresql.conf",
            "pg_hba.conf",
            "base/5/PG_VERSION",
            "pg_wal/00000002.history",
        ] {
            assert_eq!(file(path), Part::Copied, "{path}");
        }
        for path in [
            "PG_VERSION",
            "global/pg_control",
            "postmaster.pid",
            "backup_label",
            "pg_wal/000000010000000000000001",
            "pg_replslot/a/state",
            "pg_stat_tmp/db_0.stat",
            "base/pgsql_tmp/pgsql_tmp1.0",
            "base/5/pg_internal.init",
        ] {
            assert_eq!(file(path), Part::LeftOut, "{path}");
        }
    }

    #[test]
    fn folders_are_there_even_if_they_are_empty() {
        let folder = |path: &str| part(Path::new(path), true);
        assert_eq!(folder("base/5"), Part::Copied);
        for path in ["pg_wal", "pg_wal/archive_status", "pg_replslot"] {
            assert_eq!(folder(path), Part::Emptied, "{path}");
        }
        for path in ["base/pgsql_tmp", "pg_replslot/slot_of_a_reader"] {
            assert_eq!(folder(path), Part::LeftOut, "{path}");
        }
    }
}
