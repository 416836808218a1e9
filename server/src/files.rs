//! How many files the process may have open: each connection is one.
#![expect(unsafe_code, reason = "the limits of a process have no safe form")]

/// More are never asked for: a system may name a limit without end, and refuse it then.
const MOST: libc::rlim_t = 1 << 16;

/// Takes as many as the process may, and says how many that is. Shells and services start programs with 1,024, out of habit.
pub fn raise() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: it writes to the struct that it is given, which lives here.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return usize::MAX;
    }
    let wanted = limit.rlim_max.min(MOST);
    if limit.rlim_cur < wanted {
        let raised = libc::rlimit {
            rlim_cur: wanted,
            rlim_max: limit.rlim_max,
        };
        // SAFETY: it reads the struct that it is given. A refusal leaves the limit as it was.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
            limit = raised;
        }
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}
