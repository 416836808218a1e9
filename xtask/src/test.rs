//! `cargo xtask test`: everything that can fail.

use std::path::Path;

use anyhow::Result;
use highwater_postgres::scratch::{Scratch, URL_VARIABLE};

use crate::{build, setup, step};

pub(crate) fn test(browser: bool) -> Result<()> {
    // What the browser needs comes first: a missing piece is better told before the long part than after it.
    let for_browser = if browser {
        setup::npm_packages()?;
        let chromium = setup::chromium()?;
        Some((chromium, build(true)?))
    } else {
        None
    };
    let rust = rust();
    let browser = match for_browser {
        Some((chromium, program)) => playwright(&chromium, &program),
        None => Ok(()),
    };
    // Both have run and said their numbers; now either may fail the task.
    rust.and(browser)
}

fn rust() -> Result<()> {
    step::say("starting a throw-away Postgres for the tests");
    let postgres = Scratch::start()?;
    let runner = if step::is_there("cargo-nextest") {
        ["nextest", "run"].as_slice()
    } else {
        ["test"].as_slice()
    };
    step::say(&format!("cargo {} --workspace", runner.join(" ")));
    let mut cargo = step::command("cargo");
    cargo.args(runner).args(["--workspace", "--no-fail-fast"]);
    step::run(cargo.env(URL_VARIABLE, postgres.url_for("postgres")))
}

fn playwright(chromium: &str, program: &Path) -> Result<()> {
    step::say("browser tests on the optimised console");
    let mut npx = step::command("npx");
    npx.args(["--no-install", "playwright", "test"])
        .current_dir("end2end");
    step::run(
        npx.env("HIGHWATER_BIN", program)
            .env("CHROMIUM_PATH", chromium),
    )
}
