//! `cargo xtask fuzz`: hands whatever is read from others what libFuzzer makes up, from the seeds in `server/fuzz` on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::step;

const FOLDER: &str = "server/fuzz";

pub(crate) fn fuzz(only: Option<&str>, seconds: u64) -> Result<()> {
    let mut targets = targets()?;
    if let Some(only) = only {
        if !targets.iter().any(|target| target == only) {
            bail!(
                "there is no target {only}; there are: {}",
                targets.join(", ")
            );
        }
        targets.retain(|target| target == only);
    }
    tools()?;
    let mut failed = Vec::new();
    for target in &targets {
        step::say(&format!("{target}, for {seconds} s"));
        let began = SystemTime::now();
        if let Err(error) = run(target, seconds) {
            let inputs = found(target, began);
            if inputs.is_empty() {
                return Err(error);
            }
            failed.extend(inputs.into_iter().map(|input| (target, input)));
        }
    }
    for (target, input) in &failed {
        step::say(&format!(
            "{target} does not hold; again: cargo +nightly fuzz run --fuzz-dir {FOLDER} {target} {}",
            input.display()
        ));
    }
    if !failed.is_empty() {
        bail!(
            "mend it, and put the input into {FOLDER}/seeds, where the tests of the package highwater try it each time"
        );
    }
    Ok(())
}

/// What there is to run, by name.
fn targets() -> Result<Vec<String>> {
    let folder = Path::new(FOLDER).join("fuzz_targets");
    let files =
        fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        if let Some(name) = path.file_stem() {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn tools() -> Result<()> {
    let answers = |program: &str, arguments: &[&str]| {
        let output = step::command(program)
            .args(arguments)
            .stderr(Stdio::null())
            .output();
        output
            .ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let mut missing = Vec::new();
    if answers("cargo", &["fuzz", "--help"]).is_none() {
        missing.push("cargo-fuzz: cargo install cargo-fuzz");
    }
    let toolchains = answers("rustup", &["toolchain", "list"]).unwrap_or_default();
    if !toolchains.lines().any(|line| line.starts_with("nightly")) {
        missing.push("a nightly toolchain: rustup toolchain install nightly");
    }
    if !missing.is_empty() {
        bail!("fuzzing needs {}", missing.join("; and "));
    }
    Ok(())
}

/// What libFuzzer learns goes into the corpus, which comes first; the seeds stay as they are.
fn run(target: &str, seconds: u64) -> Result<()> {
    let corpus = format!("{FOLDER}/corpus/{target}");
    fs::create_dir_all(&corpus)?;
    let seeds = format!("{FOLDER}/seeds/{target}");
    step::run(
        step::command("rustup")
            .args(["run", "nightly", "cargo", "fuzz", "run"])
            .args(["--fuzz-dir", FOLDER, target, &corpus, &seeds, "--"])
            .arg(format!("-max_total_time={seconds}")),
    )
}

/// Inputs that it has not survived since then.
fn found(target: &str, since: SystemTime) -> Vec<PathBuf> {
    let files = fs::read_dir(Path::new(FOLDER).join("artifacts").join(target));
    let files = files.into_iter().flatten().flatten();
    let new = |path: &PathBuf| {
        let time = path.metadata().and_then(|facts| facts.modified());
        time.is_ok_and(|time| time >= since)
    };
    files.map(|file| file.path()).filter(new).collect()
}
