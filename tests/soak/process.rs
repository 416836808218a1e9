//! What the system says about processes.

use std::fs;

use anyhow::{Context, Result};

/// Memory that a process holds, in MB.
pub(crate) fn memory_mb(pid: u32) -> Result<f64> {
    kilobytes(&format!("/proc/{pid}/status"), "VmRSS:")
        .map(|kilobytes| kilobytes / 1_024.0)
        .context("only Linux tells a process's memory")
}

/// Memory of a process and its children, in MB; what they share counts once where the system tells that.
pub(crate) fn memory_of_all_mb(pid: u32) -> Result<f64> {
    let own = |pid: u32| {
        kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
            .map_or_else(|| memory_mb(pid), |kilobytes| Ok(kilobytes / 1_024.0))
    };
    // A child may end while it is looked at.
    let children = children(pid)?.into_iter().filter_map(|pid| own(pid).ok());
    Ok(own(pid)? + children.sum::<f64>())
}

/// Processor time that a process has used, in seconds.
pub(crate) fn cpu_s(pid: u32) -> Result<f64> {
    Ok(ticks(pid, 11..13)? / 100.0)
}

/// The same of a process and its children, also of those that have ended.
pub(crate) fn cpu_of_all_s(pid: u32) -> Result<f64> {
    let children = children(pid)?;
    let children = children.into_iter().filter_map(|pid| cpu_s(pid).ok());
    Ok(ticks(pid, 11..15)? / 100.0 + children.sum::<f64>())
}

/// Files that a process has open.
pub(crate) fn open_files(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Files that a process may have open.
pub(crate) fn open_files_limit() -> u32 {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(1_024)
}

fn kilobytes(file: &str, key: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn children(pid: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if stat(child).is_some_and(|fields| fields.get(1) == Some(&f64::from(pid))) {
            children.push(child);
        }
    }
    Ok(children)
}

fn ticks(pid: u32, fields: std::ops::Range<usize>) -> Result<f64> {
    let stat = stat(pid).context("only Linux tells a process's time")?;
    Ok(stat.get(fields).unwrap_or_default().iter().sum())
}

/// What stands behind the name, which may hold anything: state, parent, …; user and system time are the 12th and 13th, those of
/// children that have ended follow. What is no number is 0.
fn stat(pid: u32) -> Option<Vec<f64>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields = rest.split_whitespace();
    Some(fields.map(|field| field.parse().unwrap_or(0.0)).collect())
}
