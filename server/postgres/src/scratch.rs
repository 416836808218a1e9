//! A throw-away server for tests, in memory where the system has a folder for that.
//!
//! `cargo nextest` runs every test in a process of its own, so `cargo xtask test` starts one server and names it in
//! [`URL_VARIABLE`]; without that, each process starts its own, which ends with it.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::at;
use crate::{Binaries, Embedded, Options, PostgresError, sys};

/// The environment variable with the URL of a superuser on a running server.
pub const URL_VARIABLE: &str = "HIGHWATER_TEST_POSTGRES";

const PREFIX: &str = "highwater-scratch-";

/// A server for tests.
#[derive(Debug)]
pub struct Scratch {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Given(String),
    Own {
        server: Box<Embedded>,
        folder: PathBuf,
    },
}

static SHARED: OnceLock<Scratch> = OnceLock::new();

impl Scratch {
    /// The one of this process, started by the first who asks.
    ///
    /// # Panics
    /// When it can't be started: a test has nothing better to do.
    pub fn get() -> &'static Self {
        SHARED.get_or_init(|| {
            if let Some(url) = std::env::var(URL_VARIABLE)
                .ok()
                .filter(|url| !url.is_empty())
            {
                return Self {
                    source: Source::Given(url),
                };
            }
            match Self::start() {
                Ok(scratch) => {
                    sys::at_exit(clean_up);
                    scratch
                }
                Err(error) => panic!("no Postgres for the tests: {error}"),
            }
        })
    }

    /// A server of its own; ends with this value.
    pub fn start() -> Result<Self, PostgresError> {
        let folder = new_folder();
        Self::start_in(
            &folder,
            Options {
                throwaway: true,
                ..Options::new(&folder)
            },
        )
    }

    /// A server that flushes as one does whose data matters, for measuring. `preload` is a library that is loaded into it; it is
    /// copied to where the server's user can read it.
    pub fn durable(
        preload: Option<&Path>,
        mut environment: Vec<(String, OsString)>,
    ) -> Result<Self, PostgresError> {
        let folder = new_folder();
        if let Some(library) = preload {
            std::fs::create_dir_all(&folder).map_err(at("can't create", &folder))?;
            let copy = folder.join("preload.so");
            std::fs::copy(library, &copy).map_err(at("can't copy", library))?;
            for path in [&folder, &copy] {
                std::fs::set_permissions(path, Permissions::from_mode(0o755))
                    .map_err(at("can't set the mode of", path))?;
            }
            environment.push(("LD_PRELOAD".to_owned(), copy.into()));
        }
        Self::start_in(
            &folder,
            Options {
                environment,
                ..Options::new(&folder)
            },
        )
    }

    fn start_in(folder: &Path, options: Options) -> Result<Self, PostgresError> {
        let binaries = Binaries::find_or_fetch(&mut |_| {})?;
        let options = Options {
            max_connections: 400,
            ..options
        };
        let server = Embedded::start(&binaries, &options, &mut |_| {})?;
        Ok(Self {
            source: Source::Own {
                server: Box::new(server),
                folder: folder.to_owned(),
            },
        })
    }

    /// URL of one of its databases.
    pub fn url_for(&self, database: &str) -> String {
        match &self.source {
            Source::Given(url) => with_database(url, database),
            Source::Own { server, .. } => server.url_for(database),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Source::Own { server, folder } = &self.source {
            server.quit();
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The shared one is never dropped, so its end is the process' end.
extern "C" fn clean_up() {
    if let Some(Scratch {
        source: Source::Own { server, folder },
    }) = SHARED.get()
    {
        server.quit();
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// A folder that nobody has, named after this process; those of processes that were killed go.
fn new_folder() -> PathBuf {
    let parent = parent();
    remove_left_overs(&parent);
    let mut number = 0;
    loop {
        let folder = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        if !folder.exists() {
            return folder;
        }
        number += 1;
    }
}

/// In memory where the system has a folder for that.
fn parent() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// Folders of processes that were killed.
fn remove_left_overs(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse().ok());
        if owner.is_some_and(|pid| !sys::exists(pid)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Puts another database into a URL.
fn with_database(url: &str, database: &str) -> String {
    let (before, query) = url
        .split_once('?')
        .map_or((url, None), |(before, query)| (before, Some(query)));
    let start = before.find("://").map_or(0, |at| at + 3);
    let end = before[start..]
        .find('/')
        .map_or(before.len(), |at| start + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{database}{query}", &before[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_a_url_can_be_changed() {
        assert_eq!(
            with_database("postgres:///postgres?host=/x", "a"),
            "postgres:///a?host=/x"
        );
        assert_eq!(
            with_database("postgres://u:p@h:1/postgres", "a"),
            "postgres://u:p@h:1/a"
        );
        assert_eq!(with_database("postgres://h", "a"), "postgres://h/a");
    }
}
