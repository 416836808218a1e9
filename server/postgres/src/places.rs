//! Where data, fetched programs and sockets live by default.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::sys;

/// Where the embedded Postgres keeps its data when nobody says otherwise: `/var/lib/highwater` for root (whose own home no other
/// user may enter, and Postgres must be another user), else the platform's data folder.
pub fn default_data_dir() -> PathBuf {
    if sys::effective_uid() == 0 {
        return PathBuf::from("/var/lib/highwater");
    }
    user_folder(
        "XDG_DATA_HOME",
        "Library/Application Support",
        ".local/share",
    )
    .join("highwater")
}

/// Where fetched programs are kept.
pub fn default_cache_dir() -> PathBuf {
    if sys::effective_uid() == 0 {
        return PathBuf::from("/var/cache/highwater");
    }
    user_folder("XDG_CACHE_HOME", "Library/Caches", ".cache").join("highwater")
}

fn user_folder(variable: &str, on_mac: &str, elsewhere: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
    {
        return folder;
    }
    let home = std::env::home_dir().unwrap_or_else(std::env::temp_dir);
    home.join(if cfg!(target_os = "macos") {
        on_mac
    } else {
        elsewhere
    })
}

/// The longest path of a socket's folder: the system allows 103 bytes (macOS; Linux 107) with `/.s.PGSQL.5432` behind it.
const LONGEST_SOCKET_FOLDER: usize = 103 - "/.s.PGSQL.5432.lock".len();

/// Beside the data where that is short enough, else a folder of the same name each time under the system's folder for temporary files.
pub(crate) fn socket_folder(home: &Path, uid: u32) -> PathBuf {
    let beside = home.join("run");
    if beside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
        return beside;
    }
    let digest = <sha2::Sha256 as sha2::Digest>::digest(home.as_os_str().as_encoded_bytes());
    let short = hex(&digest[..6]);
    PathBuf::from("/tmp").join(format!("highwater-{uid}-{short}"))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_data_folder_gets_a_short_socket_folder() {
        let long = Path::new("/data").join("x".repeat(120));
        let folder = socket_folder(&long, 7);
        assert!(folder.as_os_str().len() <= LONGEST_SOCKET_FOLDER);
        assert_eq!(folder, socket_folder(&long, 7));
        assert_eq!(socket_folder(Path::new("/d"), 7), Path::new("/d/run"));
    }
}
