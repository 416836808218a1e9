//! Who Postgres runs as: ourselves, or an unprivileged user when we are root (initdb and postgres refuse root).

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::at;
use crate::{PostgresError, sys};

/// A user that programs are started as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// `None`: run as we are.
    pub(crate) fn needed() -> Result<Option<Self>, PostgresError> {
        if sys::effective_uid() != 0 {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::parse(&users, name))
            .map(Some)
            .ok_or(PostgresError::NoAccount)
    }

    fn parse(users: &str, wanted: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            if name != wanted {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (uid != 0).then(|| Self {
                name: name.to_owned(),
                uid,
                gid,
            })
        })
    }

    /// The first folder on the way to `path` that this user may not enter.
    pub(crate) fn stopped_at(&self, path: &Path) -> Option<PathBuf> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut folders: Vec<&Path> = path.ancestors().collect();
        folders.reverse();
        folders
            .into_iter()
            .find(|folder| !self.may_enter(folder))
            .map(Path::to_owned)
    }

    fn may_enter(&self, folder: &Path) -> bool {
        let Ok(facts) = fs::metadata(folder) else {
            return true;
        };
        if !facts.is_dir() {
            return true;
        }
        let execute = if facts.uid() == self.uid {
            0o100
        } else if facts.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        facts.permissions().mode() & execute != 0
    }
}

/// A command that runs as this account, without what our own environment says to Postgres, and in a process group of its own
/// (a `Ctrl-C` in the terminal is for us; we stop Postgres when it is its turn).
pub(crate) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").process_group(0);
    if let Some(account) = account {
        command.gid(account.gid).uid(account.uid);
    }
    command
}

/// Makes a private folder of the account.
pub(crate) fn private_folder(path: &Path, account: Option<&Account>) -> Result<(), PostgresError> {
    fs::create_dir_all(path).map_err(at("can't create", path))?;
    give(path, account)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(at("can't set the mode of", path))
}

/// Hands a file or folder to the account.
pub(crate) fn give(path: &Path, account: Option<&Account>) -> Result<(), PostgresError> {
    let Some(account) = account else {
        return Ok(());
    };
    std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))
        .map_err(at("can't change the owner of", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_passwd_and_is_never_root() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:Admin,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            Account::parse(users, "postgres"),
            Some(Account {
                name: "postgres".to_owned(),
                uid: 101,
                gid: 104
            })
        );
        assert_eq!(Account::parse(users, "root"), None);
        assert_eq!(Account::parse(users, "nobody"), None);
    }
}
