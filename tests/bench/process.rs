//! What the system says about a process.

use std::fs;

use anyhow::{Context, Result};

/// Memory that it holds, in MB.
pub(crate) fn memory_mb(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .context("only Linux tells a process's memory")?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .context("no VmRSS")?;
    Ok(kilobytes.parse::<f64>()? / 1_024.0)
}

/// Processor time that it has used.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .context("only Linux tells a process's time")?;
    // Behind the name, which may hold anything: state is the first, user and system time are the 12th and 13th; in hundredths.
    let (_, rest) = stat.rsplit_once(')').context("no name")?;
    let times = rest.split_whitespace().skip(11).take(2);
    let ticks: f64 = times.filter_map(|time| time.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// Files that a process may have open.
pub(crate) fn open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(1_024)
}
