//! `cargo xtask test`: everything that can fail.

use std::path::Path;

use anyhow::Result;
use highwater_postgres::scratch::{Scratch, URL_VARIABLE};

use crate::{setup, site, step};

pub(crate) fn test(browser: bool) -> Result<()> {
    // What the browser needs comes first: a missing piece is better told before the long part than after it.
    let chromium = if browser {
        setup::npm_packages()?;
        let chromium = setup::chromium()?;
        setup::wasm_target()?;
        site::build(true)?;
        Some(chromium)
    } else {
        None
    };
    step::say("building the server and the tests");
    step::run(runner().args(["--workspace", "--no-run"]))?;
    let rust = rust();
    let browser = chromium.map_or(Ok(()), |chromium| playwright(&chromium));
    // Both have run and said their numbers; now either may fail the task.
    rust.and(browser)
}

fn runner() -> std::process::Command {
    let mut cargo = step::command("cargo");
    cargo.args(if step::is_there("cargo-nextest") {
        ["nextest", "run"].as_slice()
    } else {
        ["test"].as_slice()
    });
    cargo
}

fn rust() -> Result<()> {
    step::say("starting a throw-away Postgres for the tests");
    let postgres = Scratch::start()?;
    step::say("Rust tests");
    let mut cargo = runner();
    cargo.args(["--workspace", "--no-fail-fast"]);
    step::run(cargo.env(URL_VARIABLE, postgres.url_for("postgres")))
}

/// In the console that ships, and the server that the Rust tests have built: an optimised one would take another 20 minutes, and
/// is the same code.
fn playwright(chromium: &str) -> Result<()> {
    step::say("browser tests on the optimised console");
    let program = step::target().join("debug/highwater");
    let mut npx = step::command("npx");
    npx.args(["--no-install", "playwright", "test"])
        .current_dir(Path::new("end2end"));
    step::run(
        npx.env("HIGHWATER_BIN", program)
            .env("CHROMIUM_PATH", chromium),
    )
}
