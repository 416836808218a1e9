//! What a machine needs beside Rust: set up where that is possible, else named with the command to give.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Result, bail};

use crate::step;

pub(crate) fn wasm_target() -> Result<()> {
    let installed = step::command("rustup")
        .args(["target", "list", "--installed"])
        .stderr(Stdio::null())
        .output();
    match installed {
        Ok(output)
            if String::from_utf8_lossy(&output.stdout).contains("wasm32-unknown-unknown") =>
        {
            Ok(())
        }
        Ok(_) => {
            step::say("adding Rust's target wasm32-unknown-unknown");
            step::run(step::command("rustup").args(["target", "add", "wasm32-unknown-unknown"]))
        }
        // Rust without rustup: the build itself will say if the target is missing.
        Err(_) => Ok(()),
    }
}

/// The browser tests' packages; they also hold the wasm-opt that works.
pub(crate) fn npm_packages() -> Result<()> {
    if !step::is_there("npm") {
        bail!("the browser tests need Node.js 20 or newer with npm: install it and try again");
    }
    let (lock, done) = (
        Path::new("end2end/package-lock.json"),
        Path::new("end2end/node_modules/.package-lock.json"),
    );
    let time = |path: &Path| path.metadata().and_then(|facts| facts.modified()).ok();
    if time(done).is_some() && time(done) >= time(lock) {
        return Ok(());
    }
    step::say("installing the browser tests' npm packages");
    let mut npm = step::command("npm");
    npm.args(["ci", "--no-fund", "--no-audit"])
        .current_dir("end2end");
    step::run(npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))
}

/// The browser's path; installed with apt where that is possible.
pub(crate) fn chromium() -> Result<String> {
    const PLACES: [&str; 5] = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ];
    let find = || {
        let given = std::env::var("CHROMIUM_PATH")
            .ok()
            .filter(|path| Path::new(path).exists());
        given.or_else(|| {
            PLACES
                .iter()
                .find(|path| Path::new(path).exists())
                .map(|path| (*path).to_owned())
        })
    };
    if let Some(path) = find() {
        return Ok(path);
    }
    let by_hand = "the browser tests need Chromium: install it (`sudo apt-get install -y chromium`, `brew install --cask chromium`) or set CHROMIUM_PATH";
    install(&["chromium"], by_hand)?;
    find().ok_or_else(|| anyhow::anyhow!(by_hand))
}

/// Python with venv; installed with apt where that is possible.
pub(crate) fn python() -> Result<()> {
    let has_venv = || {
        let asked = step::command("python3")
            .args(["-c", "import venv, ensurepip"])
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    if has_venv() {
        return Ok(());
    }
    let by_hand = "the check of the API needs Python 3.10 or newer with venv: install it (`sudo apt-get install -y python3 python3-venv`) and try again";
    install(&["python3", "python3-venv"], by_hand)?;
    if has_venv() { Ok(()) } else { bail!(by_hand) }
}

/// What clocks jump by in the tests of that; without it they say so, and the others go on.
pub(crate) fn faketime() {
    let is_there = || {
        let folders = std::fs::read_dir("/usr/lib")
            .into_iter()
            .flatten()
            .flatten();
        let mut folders = folders.map(|folder| folder.path().join("faketime"));
        folders.any(|folder| folder.exists()) || Path::new("/usr/lib/faketime").exists()
    };
    if is_there() || std::env::var_os("HIGHWATER_TEST_FAKETIME").is_some() {
        return;
    }
    let by_hand = "the tests of clocks that jump are left out without libfaketime (`sudo apt-get install -y libfaketime`)";
    if let Err(error) = install(&["libfaketime"], by_hand) {
        step::say(&error.to_string());
    }
}

/// Installs with apt, or says what to do by hand.
fn install(packages: &[&str], by_hand: &'static str) -> Result<()> {
    if !step::is_there("apt-get") {
        bail!(by_hand);
    }
    step::say(&format!("installing {} with apt-get", packages.join(" ")));
    let sudo = !std::fs::write("/usr/.highwater-may-write", "")
        .is_ok_and(|()| std::fs::remove_file("/usr/.highwater-may-write").is_ok());
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let install = [&install[..], packages].concat();
    for arguments in [&["update", "-qq"][..], &install] {
        let mut apt = step::command(if sudo { "sudo" } else { "apt-get" });
        if sudo {
            apt.args(["-n", "apt-get"]);
        }
        if step::run(apt.args(arguments)).is_err() {
            bail!(by_hand);
        }
    }
    Ok(())
}
