//! Setting up a cluster: secret, initdb, major version.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::account::{self, Account};
use crate::error::at;
use crate::sys::{self, Signal};
use crate::{Binaries, PostgresError, places};

/// The folders and files of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) home: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    secret: PathBuf,
}

impl Cluster {
    pub(crate) fn at(data_dir: &Path) -> Self {
        let home = data_dir.join("postgres");
        Self {
            data: home.join("data"),
            log: home.join("postgres.log"),
            secret: home.join("secret"),
            home,
        }
    }

    /// The major version that made the data; `None` before initdb.
    pub(crate) fn major(&self) -> Option<String> {
        fs::read_to_string(self.data.join("PG_VERSION"))
            .ok()
            .map(|text| text.trim().to_owned())
    }

    pub(crate) fn secret(&self) -> Result<String, PostgresError> {
        let text = fs::read_to_string(&self.secret)
            .map_err(at("can't read the password in", &self.secret))?;
        Ok(text.trim().to_owned())
    }

    /// initdb into a folder beside, renamed when it is whole: a killed initdb leaves nothing half-made.
    pub(crate) fn create(
        &self,
        binaries: &Binaries,
        account: Option<&Account>,
        throwaway: bool,
    ) -> Result<(), PostgresError> {
        let fresh = self.home.join("data.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(at("can't remove the unfinished", &fresh))?;
        }
        self.write_secret(account)?;
        let mut initdb = account::command(&binaries.folder().join("initdb"), account);
        initdb
            .arg("-D")
            .arg(&fresh)
            .args([
                "-U",
                "postgres",
                "-A",
                "scram-sha-256",
                "-E",
                "UTF8",
                "--no-locale",
            ])
            .arg(format!("--pwfile={}", self.secret.display()))
            .current_dir(&self.home)
            .stdin(Stdio::null());
        if throwaway {
            initdb.arg("--no-sync");
        }
        // Here the thread waits for it, so it outlives it.
        sys::die_with_parent(&mut initdb, Signal::Quit);
        let output = initdb
            .output()
            .map_err(at("can't run", &binaries.folder().join("initdb")))?;
        if !output.status.success() {
            let _ = fs::remove_dir_all(&fresh);
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(PostgresError::Initdb {
                path: self.data.clone(),
                output: said,
            });
        }
        fs::rename(&fresh, &self.data).map_err(at("can't rename to", &self.data))
    }

    fn write_secret(&self, account: Option<&Account>) -> Result<(), PostgresError> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes).map_err(|error| {
            at("can't make a password for", &self.secret)(std::io::Error::other(error.to_string()))
        })?;
        let secret = places::hex(&bytes);
        let _ = fs::remove_file(&self.secret);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.secret)
            .map_err(at("can't write", &self.secret))?;
        file.write_all(secret.as_bytes())
            .map_err(at("can't write", &self.secret))?;
        account::give(&self.secret, account)
    }

    /// The last lines of the log, for an error.
    pub(crate) fn log_tail(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Opens the log to append to; one that has grown large becomes `.old`.
    pub(crate) fn open_log(&self, account: Option<&Account>) -> Result<fs::File, PostgresError> {
        const LARGE: u64 = 8 << 20;
        if fs::metadata(&self.log).is_ok_and(|facts| facts.len() > LARGE) {
            let _ = fs::rename(&self.log, self.log.with_extension("log.old"));
        }
        let file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.log)
            .map_err(at("can't write", &self.log))?;
        account::give(&self.log, account)?;
        Ok(file)
    }
}
