//! `cargo xtask bench`: sets up what is measured and what it is measured against, then runs the bench program (`tests/bench`).

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use highwater_postgres::scratch::Scratch;

use crate::{setup, site, step};

/// An NVMe disk's flush, and a cloud disk's.
const FLUSH_MICROS: [u32; 2] = [100, 1_000];
const MESSAGE_DB: &str = "@eventide/message-db@1.3.1";

pub(crate) fn bench(long: bool, only: &[String]) -> Result<()> {
    // The console's weight and its speed are those of the optimised build.
    if setup::npm_packages().is_err() {
        step::say("no npm packages, so nothing is measured in a browser");
    }
    // Cargo builds the program together with the bench, from the same features: building it before would build it twice.
    setup::wasm_target()?;
    site::build(true)?;
    let folder = step::target().join("bench");
    fs::create_dir_all(&folder)?;
    let mut cargo = step::command("cargo");
    cargo.args(["bench", "-p", "highwater", "--bench", "bench", "--"]);
    if long {
        cargo.arg("--long");
    }
    if !only.is_empty() {
        cargo.args(["--only", &only.join(",")]);
    }
    match message_db(&folder) {
        Ok(sql) => cargo.env("HIGHWATER_BENCH_MESSAGE_DB", sql),
        Err(error) => cargo.env(
            "HIGHWATER_BENCH_NO_MESSAGE_DB",
            format!("Message DB's SQL could not be fetched with npm: {error:#}"),
        ),
    };
    if only.is_empty() || only.iter().any(|name| name == "rebuild") {
        let peers: [(&str, Result<PathBuf>); 2] = [
            ("EMMETT", emmett(&folder)),
            ("POSTGRES_ES", postgres_es(&folder)),
        ];
        for (name, place) in peers {
            match place {
                Ok(place) => cargo.env(format!("HIGHWATER_BENCH_{name}"), place),
                Err(error) => cargo.env(
                    format!("HIGHWATER_BENCH_NO_{name}"),
                    format!("it could not be made ready: {error:#}"),
                ),
            };
        }
    }
    if let Ok(browser) = setup::chromium() {
        cargo.env("CHROMIUM_PATH", browser);
    }
    if let Some(commit) = commit() {
        cargo.env("HIGHWATER_BENCH_COMMIT", commit);
    }

    step::say("starting Postgres in memory, with every flush that a durable one makes");
    let shim = slow_fdatasync(&folder)
        .inspect_err(|error| {
            step::say(&format!(
                "fdatasync is not slowed, so flushes cost nothing: {error:#}"
            ));
        })
        .ok();
    let postgres = postgres(shim.as_deref(), FLUSH_MICROS[0])?;
    cargo.env("HIGHWATER_BENCH_POSTGRES", postgres.url_for("postgres"));
    let mut slow = None;
    if shim.is_some() {
        cargo.env("HIGHWATER_BENCH_FLUSH_MICROS", FLUSH_MICROS[0].to_string());
        if long {
            let server = slow.insert(self::postgres(shim.as_deref(), FLUSH_MICROS[1])?);
            cargo.env("HIGHWATER_BENCH_SLOW_POSTGRES", server.url_for("postgres"));
        }
    }
    step::say("cargo bench -p highwater");
    step::run(&mut cargo)
}

fn postgres(shim: Option<&Path>, micros: u32) -> Result<Scratch> {
    let delay = (
        "HIGHWATER_FDATASYNC_MICROS".to_owned(),
        OsString::from(micros.to_string()),
    );
    Scratch::durable(shim, vec![delay]).context("the Postgres to measure on did not start")
}

/// Compiles the library that slows the flush.
fn slow_fdatasync(folder: &Path) -> Result<PathBuf> {
    let library = folder.join("slow_fdatasync.so");
    step::run(
        step::command("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg("xtask/src/slow_fdatasync.c"),
    )?;
    Ok(library)
}

/// Fetches Message DB's SQL once.
fn message_db(folder: &Path) -> Result<PathBuf> {
    let sql = folder.join("package/database");
    if sql.join("install.sh").exists() {
        return Ok(sql);
    }
    step::say(&format!("fetching {MESSAGE_DB} to measure against"));
    step::run(
        step::command("npm")
            .args(["pack", "--silent", MESSAGE_DB])
            .current_dir(folder),
    )?;
    step::run(
        step::command("tar")
            .args(["xzf", "eventide-message-db-1.3.1.tgz"])
            .current_dir(folder),
    )?;
    Ok(sql)
}

/// Emmett's script beside its packages.
fn emmett(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("emmett");
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json", "rebuild.js"] {
        let from = Path::new("tests/bench/peers/emmett").join(file);
        fs::copy(&from, folder.join(file))
            .with_context(|| format!("can't copy {}", from.display()))?;
    }
    step::say("fetching Emmett to measure against");
    step::run(
        step::command("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund"])
            .current_dir(&folder),
    )?;
    Ok(folder)
}

/// Builds the program that replays with postgres-es; it is apart from the workspace, for it needs another sqlx.
fn postgres_es(folder: &Path) -> Result<PathBuf> {
    step::say("building postgres-es to measure against");
    let target = folder.join("postgres_es");
    step::run(
        step::command("cargo")
            .args(["build", "--release", "--locked", "--target-dir"])
            .arg(&target)
            .current_dir("tests/bench/peers/postgres_es"),
    )?;
    Ok(target.join("release/bench-postgres-es"))
}

/// The commit that is measured, marked when files differ from it.
fn commit() -> Option<String> {
    let output = step::command("git")
        .args(["describe", "--always", "--dirty", "--exclude=*"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
