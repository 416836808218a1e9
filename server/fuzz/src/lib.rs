//! What must hold whatever somebody sends: a check for each thing that is read. It takes any bytes, and panics where it does not hold.
//!
//! The targets in `fuzz_targets` hand the checks what libFuzzer makes up. `tests/fuzzed` includes this file and hands them the seeds and
//! what is made of those, so that the same is checked with every test run, without a nightly compiler.
//!
//! # Adding a check
//! A file here with `check` and `WORDS`, its line in [`CHECKS`], a file in `fuzz_targets` with its `[[bin]]` in `Cargo.toml`, a folder of
//! seeds, and a test in `tests/fuzzed/main.rs`.

mod cloud_events;
mod definition;
mod event;
mod filter;
mod live_message;
mod mask;
mod scenario;
mod state;
mod storable;

/// A check.
pub struct Check {
    /// The name of its target, and of its folder of seeds.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// What its inputs are made of: joined at random they get further than any characters would.
    pub words: &'static [&'static str],
}

macro_rules! checks {
    ($($name:ident),*) => {
        [$(Check { name: stringify!($name), run: $name::check, words: $name::WORDS }),*]
    };
}

/// All of them.
pub const CHECKS: [Check; 8] = checks!(
    cloud_events,
    definition,
    filter,
    live_message,
    mask,
    scenario,
    state,
    storable
);

/// Runs a check by its name.
///
/// # Panics
/// When there is no such check, or what it says does not hold.
pub fn check(name: &str, input: &[u8]) {
    let check = CHECKS.iter().find(|check| check.name == name);
    let Some(check) = check else {
        panic!("there is no check {name}");
    };
    (check.run)(input);
}
