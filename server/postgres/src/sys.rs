//! The few calls that std has no safe word for. All of the crate's unsafe code is here.
#![expect(
    unsafe_code,
    reason = "prctl, kill, geteuid and atexit have no safe form in std"
)]

use std::process::Command;

/// The signals that Postgres understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Fast shutdown: sessions end, data is flushed.
    Interrupt,
    /// Immediate shutdown: recovers at the next start.
    Quit,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Interrupt => libc::SIGINT,
            Self::Quit => libc::SIGQUIT,
        }
    }
}

/// The user that this process acts as.
pub(crate) fn effective_uid() -> u32 {
    // SAFETY: geteuid has no preconditions and cannot fail.
    unsafe { libc::geteuid() }
}

/// Sends a signal; false when there is no such process (or it isn't ours).
pub(crate) fn signal(pid: u32, signal: Signal) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return false;
    };
    // SAFETY: kill takes plain numbers; a pid above 0 names one process only.
    pid > 0 && unsafe { libc::kill(pid, signal.number()) } == 0
}

/// True when a process with this id exists, whoever owns it.
pub(crate) fn exists(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else {
        return false;
    };
    // SAFETY: signal 0 only asks.
    let sent = pid > 0 && unsafe { libc::kill(pid, 0) } == 0;
    sent || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// On Linux the child gets `signal` when the *thread* that spawns it ends, so spawn it from one that lives as long as the child may.
/// Elsewhere a left-over Postgres is found at the next start.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_parent(command: &mut Command, signal: Signal) {
    use std::os::unix::process::CommandExt;
    let parent = std::process::id();
    let number = libc::c_ulong::from(signal.number().unsigned_abs());
    // SAFETY: between fork and exec only prctl, getppid and raise are called, which are async-signal-safe and allocate nothing.
    // std changes the user before it runs this, and a change of user would clear the setting.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, number) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // The parent may have ended before the call above.
            if u32::try_from(libc::getppid()) != Ok(parent) {
                libc::raise(libc::SIGKILL);
            }
            Ok(())
        });
    }
}

/// See the Linux form.
#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_parent(_command: &mut Command, _signal: Signal) {}

/// Runs `last` when the process exits in order.
pub(crate) fn at_exit(last: extern "C" fn()) {
    // SAFETY: `last` is a plain function that lives as long as the program.
    unsafe {
        libc::atexit(last);
    }
}
