//! `cargo xtask check`: what a change must pass before its tests; warnings are errors.

use anyhow::Result;

use crate::{setup, step};

/// The features of the console exclude each other, so it is checked once for each side.
const CLIPPY: [&[&str]; 4] = [
    &["--workspace", "--exclude", "highwater-app", "--all-targets"],
    &["-p", "highwater-app", "--features", "ssr", "--all-targets"],
    &[
        "-p",
        "highwater-app",
        "--lib",
        "--features",
        "hydrate",
        "--target",
        "wasm32-unknown-unknown",
    ],
    &[
        "-p",
        "highwater-model",
        "--lib",
        "--target",
        "wasm32-unknown-unknown",
    ],
];

pub(crate) fn check(format_only: bool) -> Result<()> {
    step::say("cargo fmt --all --check");
    step::run(step::command("cargo").args(["fmt", "--all", "--check"]))?;
    if format_only {
        return Ok(());
    }
    setup::wasm_target()?;
    if step::is_there("typos") {
        step::say("typos");
        step::run(&mut step::command("typos"))?;
    } else {
        step::say(
            "no typos on this machine, so spelling is not checked (`pip install typos==1.52.0` brings it)",
        );
    }
    for arguments in CLIPPY {
        step::say(&format!("cargo clippy {}", arguments.join(" ")));
        step::run(
            step::command("cargo")
                .arg("clippy")
                .args(arguments)
                .args(["--", "-D", "warnings"]),
        )?;
    }
    step::say("cargo doc --workspace --no-deps");
    step::run(
        step::command("cargo")
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
