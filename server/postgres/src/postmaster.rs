//! What `postmaster.pid` says about a running Postgres.

use std::path::{Path, PathBuf};

use crate::sys;

/// The lines of it that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: u32,
    pub(crate) ready: bool,
}

impl Postmaster {
    pub(crate) fn read(data: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    /// The folder of its socket.
    pub(crate) fn socket_folder(data: &Path) -> Option<PathBuf> {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let folder = text.lines().nth(4)?;
        (!folder.is_empty()).then(|| PathBuf::from(folder))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().trim_start_matches('-').parse().ok()?;
        Some(Self {
            pid,
            ready: lines.nth(6).is_some_and(|status| status.trim() == "ready"),
        })
    }

    /// True when the process is there and is a Postgres on this very folder. Process ids are used again (in a container after
    /// every restart), so a number alone proves nothing; Postgres works *in* its data folder, and Linux says where a process works.
    pub(crate) fn alive(&self, data: &Path) -> bool {
        if !sys::exists(self.pid) {
            return false;
        }
        let process = Path::new("/proc").join(self.pid.to_string());
        match (
            std::fs::read_link(process.join("cwd")),
            std::fs::canonicalize(data),
        ) {
            (Ok(works_in), Ok(data)) => works_in == data,
            // A process that has ended and waits for its parent has no folder any more.
            (Err(_), _)
                if std::fs::read_to_string(process.join("stat"))
                    .is_ok_and(|stat| stat.contains(") Z ")) =>
            {
                false
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_the_eighth_line() {
        let text =
            "411\n/var/lib/hw/data\n1790000000\n5432\n/run/hw\n\n  5432001     65536\nready   \n";
        assert_eq!(
            Postmaster::parse(text),
            Some(Postmaster {
                pid: 411,
                ready: true
            })
        );
        assert_eq!(
            Postmaster::parse("411\n/d\n1\n5432\n/run\n\n 1 2\nstarting\n"),
            Some(Postmaster {
                pid: 411,
                ready: false
            })
        );
        assert_eq!(
            Postmaster::parse("411\n"),
            Some(Postmaster {
                pid: 411,
                ready: false
            })
        );
        assert_eq!(Postmaster::parse("x"), None);
    }
}
