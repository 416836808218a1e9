//! One embedded server, from its data folder to its URL.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::account::{self, Account};
use crate::cluster::Cluster;
use crate::error::at;
use crate::keeper::{Keeper, pause};
use crate::postmaster::Postmaster;
use crate::{Binaries, PostgresError, Search, default_data_dir, places, sys};

/// How to start it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its data lives; created when missing.
    pub data_dir: PathBuf,
    /// Data that nobody will miss: nothing is flushed to disk. For tests and benches.
    pub throwaway: bool,
    /// Connections it takes.
    pub max_connections: u32,
    /// How long it may take to be ready (recovery after a crash included).
    pub start_timeout: Duration,
    /// More settings, as `-c name=value`.
    pub settings: Vec<(String, String)>,
    /// Variables of its environment beside ours.
    pub environment: Vec<(String, OsString)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_dir: default_data_dir(),
            throwaway: false,
            max_connections: 100,
            start_timeout: Duration::from_mins(1),
            settings: Vec::new(),
            environment: Vec::new(),
        }
    }
}

impl Options {
    /// The usual ones, with data in this folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            ..Self::default()
        }
    }
}

/// A running Postgres that ends with this value, or with this process.
#[derive(Debug)]
pub struct Embedded {
    keeper: Keeper,
    cluster: Cluster,
    socket_folder: PathBuf,
    secret: String,
    /// Held as long as we live; its text is our process id.
    _lock: fs::File,
}

impl Embedded {
    /// Sets up the data folder if it is new, and starts Postgres on it. Blocks: a second for a new folder, a tenth of one later.
    pub fn start(
        binaries: &Binaries,
        options: &Options,
        notice: &mut dyn FnMut(&str),
    ) -> Result<Self, PostgresError> {
        let account = Account::needed()?;
        let account = account.as_ref();
        let mut options = options.clone();
        options.data_dir =
            std::path::absolute(&options.data_dir).map_err(at("can't use", &options.data_dir))?;
        let cluster = Cluster::at(&options.data_dir);
        prepare(&options.data_dir, &cluster, account)?;
        let lock = lock(&options.data_dir, &cluster)?;

        let mut binaries = binaries.clone();
        match cluster.major() {
            None => {
                notice(&format!(
                    "Setting up a database in {}",
                    options.data_dir.display()
                ));
                cluster.create(&binaries, account, options.throwaway)?;
            }
            Some(major) if major != binaries.major().to_string() => {
                let other = major.parse().ok().map(|major| Search {
                    major: Some(major),
                    ..Search::default()
                });
                let found = other
                    .map(|search| Binaries::find(&search))
                    .transpose()?
                    .flatten();
                let found_major = binaries.major();
                binaries = found.ok_or_else(|| PostgresError::OtherMajor {
                    path: options.data_dir.clone(),
                    data: major,
                    found: found_major,
                })?;
            }
            Some(_) => {}
        }
        let secret = cluster.secret()?;
        let uid = account.map_or_else(sys::effective_uid, |account| account.uid);
        let socket_folder = places::socket_folder(&cluster.home, uid);
        prepare_socket_folder(&socket_folder, account, uid)?;
        clear_left_over(&options.data_dir, &cluster, notice)?;

        let keeper = launch(&binaries, &options, &cluster, &socket_folder, account)?;
        Ok(Self {
            keeper,
            cluster,
            socket_folder,
            secret,
            _lock: lock,
        })
    }

    /// A URL for sqlx and libpq, with the password; of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_for("postgres")
    }

    /// The same for another database of this server.
    pub fn url_for(&self, database: &str) -> String {
        url(database, &self.socket_folder, &self.secret)
    }

    /// Process id of the Postgres.
    pub fn pid(&self) -> u32 {
        self.keeper.pid()
    }

    /// How it ended, if it has ended without being asked to.
    pub fn ended(&self) -> Option<&str> {
        self.keeper.ended()
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.cluster.log
    }

    /// Stops it: sessions end, data is flushed; it is gone when this returns.
    pub fn stop(mut self) {
        self.keeper.stop();
    }

    /// The same through a shared reference to the process, for a last moment where nothing can be moved.
    pub(crate) fn quit(&self) {
        sys::signal(self.keeper.pid(), sys::Signal::Quit);
        let until = Instant::now() + Duration::from_secs(5);
        while self.keeper.ended().is_none() && Instant::now() < until {
            pause(Duration::from_millis(10));
        }
    }
}

/// A URL for sqlx and libpq, with the password.
pub(crate) fn url(database: &str, socket_folder: &Path, secret: &str) -> String {
    format!(
        "postgres:///{}?host={}&user=postgres&password={secret}",
        percent(database),
        percent(&socket_folder.to_string_lossy()),
    )
}

/// Creates the folders, and sees to it that the account can reach them.
fn prepare(
    data_dir: &Path,
    cluster: &Cluster,
    account: Option<&Account>,
) -> Result<(), PostgresError> {
    let ours = !data_dir.exists()
        || cluster.home.exists()
        || fs::read_dir(data_dir).is_ok_and(|mut entries| entries.next().is_none());
    fs::create_dir_all(data_dir).map_err(at("can't create", data_dir))?;
    // A folder that is only for this may belong to the account: a private one of root's would shut it out.
    if ours && account.is_some_and(|account| account.stopped_at(data_dir).is_some()) {
        account::give(data_dir, account)?;
    }
    account::private_folder(&cluster.home, account)?;
    let stopped = account.and_then(|account| Some((account, account.stopped_at(&cluster.home)?)));
    match stopped {
        Some((account, path)) => Err(PostgresError::OutOfReach {
            path,
            user: account.name.clone(),
        }),
        None => Ok(()),
    }
}

/// Takes the folder for this process, or says who has it.
fn lock(data_dir: &Path, cluster: &Cluster) -> Result<fs::File, PostgresError> {
    let path = cluster.home.join("lock");
    let mut file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(at("can't open", &path))?;
    if file.try_lock().is_err() {
        let mut owner = String::new();
        let _ = file.read_to_string(&mut owner);
        return Err(PostgresError::InUse {
            path: data_dir.to_owned(),
            owner: owner.trim().parse().ok(),
            postgres: Postmaster::read(&cluster.data).map(|postmaster| postmaster.pid),
        });
    }
    let write = |file: &mut fs::File| {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(at("can't write", &path))?;
    Ok(file)
}

/// A folder in a place that others may write to must already be ours, or be made by us.
fn prepare_socket_folder(
    path: &Path,
    account: Option<&Account>,
    uid: u32,
) -> Result<(), PostgresError> {
    if !path.exists() {
        return account::private_folder(path, account);
    }
    let facts = fs::symlink_metadata(path).map_err(at("can't look at", path))?;
    if facts.is_dir() && facts.uid() == uid && facts.permissions().mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(PostgresError::SocketFolder {
        path: path.to_owned(),
        uid,
    })
}

/// What an earlier Postgres left behind. Its Highwater is gone (we hold the lock), so it is ending, or a crash left only its file.
fn clear_left_over(
    data_dir: &Path,
    cluster: &Cluster,
    notice: &mut dyn FnMut(&str),
) -> Result<(), PostgresError> {
    let until = Instant::now() + Duration::from_secs(10);
    let mut said = false;
    while let Some(postmaster) = Postmaster::read(&cluster.data) {
        if !postmaster.alive(&cluster.data) {
            // Postgres itself would refuse to start when another program has this process id by now.
            let path = cluster.data.join("postmaster.pid");
            fs::remove_file(&path).map_err(at("can't remove the left-over", &path))?;
            notice("Postgres was not stopped in order the last time; it recovers now");
            return Ok(());
        }
        if Instant::now() > until {
            return Err(PostgresError::Orphan {
                path: data_dir.to_owned(),
                pid: postmaster.pid,
            });
        }
        if !said {
            notice("Waiting for an earlier Postgres on this folder to end");
            said = true;
        }
        pause(Duration::from_millis(20));
    }
    Ok(())
}

fn launch(
    binaries: &Binaries,
    options: &Options,
    cluster: &Cluster,
    socket_folder: &Path,
    account: Option<&Account>,
) -> Result<Keeper, PostgresError> {
    let until = Instant::now() + options.start_timeout;
    loop {
        let mut keeper = spawn(binaries, options, cluster, socket_folder, account)?;
        let ended = loop {
            if let Some(status) = keeper.ended() {
                break status.to_owned();
            }
            if Postmaster::read(&cluster.data)
                .is_some_and(|found| found.ready && found.pid == keeper.pid())
            {
                return Ok(keeper);
            }
            if Instant::now() > until {
                keeper.stop();
                return Err(PostgresError::NotReady {
                    seconds: options.start_timeout.as_secs(),
                    log: cluster.log.clone(),
                    tail: cluster.log_tail(),
                });
            }
            pause(Duration::from_millis(5));
        };
        let tail = cluster.log_tail();
        // After `kill -9` of the postmaster its backends need a moment to notice; until then their shared memory is in use.
        let passes = tail.contains("shared memory block") && Instant::now() < until;
        if !passes {
            return Err(PostgresError::Ended {
                status: ended,
                log: cluster.log.clone(),
                tail,
            });
        }
        pause(Duration::from_millis(200));
    }
}

fn spawn(
    binaries: &Binaries,
    options: &Options,
    cluster: &Cluster,
    socket_folder: &Path,
    account: Option<&Account>,
) -> Result<Keeper, PostgresError> {
    let program = binaries.folder().join("postgres");
    let log = cluster.open_log(account)?;
    let mut command = account::command(&program, account);
    command
        .arg("-D")
        .arg(&cluster.data)
        .arg("-k")
        .arg(socket_folder)
        .envs(
            options
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir(&cluster.home);
    let mut setting = |name: &str, value: &str| {
        command.arg("-c").arg(format!("{name}={value}"));
    };
    setting("listen_addresses", "");
    setting("unix_socket_permissions", "0700");
    setting("wal_level", "logical");
    setting("max_connections", &options.max_connections.to_string());
    if options.throwaway {
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            setting(name, "off");
        }
    }
    for (name, value) in &options.settings {
        setting(name, value);
    }
    let errors = log.try_clone().map_err(at("can't write", &cluster.log))?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    Keeper::spawn(command).map_err(at("can't start", &program))
}

/// What is neither a letter, a digit nor harmless in a URL, as `%XX`.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
