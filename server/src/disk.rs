//! Free space of the disk that holds a folder.

use std::path::Path;
use std::process::Command;

use highwater_model::StoreCheck;

/// Less free space than this is worth a word.
const LITTLE: u64 = 2 << 30;
/// A disk that will be full sooner is worth a word, in days.
const SOON: u64 = 14;

/// The disk under the data folder, or under the folder that it will be made in, when so many bytes a day are added. Waits for `df`.
pub(crate) fn check(data_dir: &Path, bytes_per_day: u64) -> StoreCheck {
    let Some(existing) = data_dir.ancestors().find(|path| path.exists()) else {
        return StoreCheck::wrong(
            "disk",
            format!("{} can't be reached", data_dir.display()),
            "name another folder with --data-dir",
        );
    };
    match free_bytes(existing) {
        None => StoreCheck::good(
            "disk",
            format!("{}; free space unknown", existing.display()),
        ),
        Some(free) => judge(&existing.display().to_string(), free, bytes_per_day),
    }
}

fn judge(folder: &str, free: u64, bytes_per_day: u64) -> StoreCheck {
    if free < LITTLE {
        return StoreCheck::wrong(
            "disk",
            format!("{} MiB free at {folder}", free >> 20),
            "make room, or name another folder with --data-dir",
        );
    }
    let found = format!("{} GiB free at {folder}", free >> 30);
    let days = free.checked_div(bytes_per_day).unwrap_or(u64::MAX);
    if days < SOON {
        return StoreCheck::advice(
            "disk",
            format!("{found}, which last {days} days at the rate of the last 24 hours"),
            "make room before it is full: the log only grows",
        );
    }
    StoreCheck::good("disk", found)
}

/// POSIX `df`: the fourth column of the second line is the free space in KiB.
fn free_bytes(folder: &Path) -> Option<u64> {
    let out = Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let kib: u64 = text
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use highwater_model::CheckVerdict;

    use super::*;

    #[test]
    fn a_disk_that_is_full_soon_is_told_before_it_is() {
        let gib = 1 << 30;
        assert_eq!(judge("/data", gib, 0).verdict, CheckVerdict::Wrong);
        assert_eq!(judge("/data", 50 * gib, 0).verdict, CheckVerdict::Good);
        assert_eq!(judge("/data", 50 * gib, gib).verdict, CheckVerdict::Good);
        let soon = judge("/data", 50 * gib, 10 * gib);
        assert_eq!(soon.verdict, CheckVerdict::Advice);
        assert!(soon.found.contains("5 days"), "{}", soon.found);
    }

    #[test]
    fn this_disk_has_some_room() {
        assert!(free_bytes(Path::new("/")).is_some());
    }
}
