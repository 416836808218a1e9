//! `cargo xtask test`: everything that can fail.

use anyhow::Result;
use highwater_postgres::scratch::{Scratch, URL_VARIABLE};

use crate::{build, setup, step};

pub(crate) fn test() -> Result<()> {
    setup::npm_packages()?;
    let chromium = setup::chromium()?;
    let program = build(true)?;

    step::say("starting a throw-away Postgres for the tests");
    let postgres = Scratch::start()?;
    let runner = if step::is_there("cargo-nextest") {
        ["nextest", "run"].as_slice()
    } else {
        ["test"].as_slice()
    };
    step::say(&format!("cargo {} --workspace", runner.join(" ")));
    let mut rust = step::command("cargo");
    rust.args(runner).args(["--workspace", "--no-fail-fast"]);
    let rust = step::run(
        rust.env(URL_VARIABLE, postgres.url_for("postgres"))
            .env("HIGHWATER_BIN", &program),
    );

    step::say("browser tests on the optimised console");
    let mut browser = step::command("npx");
    browser
        .args(["--no-install", "playwright", "test"])
        .current_dir("end2end");
    let browser = step::run(
        browser
            .env("HIGHWATER_BIN", &program)
            .env("CHROMIUM_PATH", chromium),
    );
    // Both have run and said their numbers; now either may fail the task.
    rust.and(browser)
}
