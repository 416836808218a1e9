//! `cargo xtask test`: everything that can fail.

use std::path::{Path, PathBuf};

use anyhow::Result;
use highwater_postgres::scratch::{Scratch, URL_VARIABLE};

use crate::{api_check, setup, site, step};

pub(crate) fn test(all: bool) -> Result<()> {
    // What only some of it needs comes first: a missing piece is better told before the long part than after it.
    let tools = if all { Some(Tools::set_up()?) } else { None };
    step::say("building the server and the tests");
    step::run(runner().args(["--workspace", "--no-run"]))?;
    let rust = rust();
    let others = tools.map_or(Ok(()), |tools| {
        // Optimised, the server would take another 20 minutes to build, and is the same code: this one the Rust tests have built.
        let program = step::target().join("debug/highwater");
        let api = api_check::run(&tools.asks, &program);
        playwright(&tools.chromium, &program).and(api)
    });
    // All have run and said their numbers; now each may fail the task.
    rust.and(others)
}

/// What is needed beside Rust.
struct Tools {
    /// The browser.
    chromium: String,
    /// What asks the API.
    asks: PathBuf,
}

impl Tools {
    fn set_up() -> Result<Self> {
        setup::npm_packages()?;
        let chromium = setup::chromium()?;
        let asks = api_check::set_up()?;
        setup::faketime();
        setup::wasm_target()?;
        site::build(true)?;
        Ok(Self { chromium, asks })
    }
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

/// In the console that ships.
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
