//! What others send is read without a panic, and what is read of it holds: the checks of `server/fuzz`, on their seeds, on what is made of
//! those, and on texts that nobody means. Each run tries the same; `PROPTEST_CASES` tries more.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

#[path = "../../server/fuzz/src/lib.rs"]
#[expect(
    unreachable_pub,
    reason = "the package of the fuzz targets uses it, too"
)]
mod checks;
mod inputs;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::ProptestConfig;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// So many inputs for each case that a property test elsewhere has.
const INPUTS: u32 = 6;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let files = files(&folder().join("seeds").join(name));
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn survives(name: &str) {
    let seeds = seeds(name);
    assert!(seeds.len() >= 10, "{name} has {} seeds", seeds.len());
    for input in seeds.iter().chain(&inputs::endless()) {
        checks::check(name, input);
    }
    let check = checks::CHECKS.iter().find(|check| check.name == name);
    let words = check.unwrap().words;
    let config = ProptestConfig::default();
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig {
            cases: config.cases.saturating_mul(INPUTS),
            failure_persistence: None,
            ..config
        },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let made = runner.run(&inputs::inputs(seeds, words), |input| {
        checks::check(name, &input);
        Ok(())
    });
    made.unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn a_filter_line_may_be_any_text() {
    survives("filter");
}

#[test]
fn a_rule_of_masking_may_be_any_text_and_hides_what_it_says() {
    survives("mask");
}

#[test]
fn a_cloud_event_may_be_any_bytes() {
    survives("cloud_events");
}

#[test]
fn a_client_of_the_live_feed_may_say_anything() {
    survives("live_message");
}

#[test]
fn a_definition_may_be_any_text() {
    survives("definition");
}

#[test]
fn a_state_may_come_of_any_json() {
    survives("state");
}

#[test]
fn what_can_not_be_stored_is_known_of_any_json() {
    survives("storable");
}

#[test]
fn a_scenario_may_be_any_text() {
    survives("scenario");
}

/// A check without a target would never meet libFuzzer, one without seeds would start from nothing.
#[test]
fn each_check_has_a_target_and_seeds() {
    let checks: BTreeSet<String> = checks::CHECKS
        .iter()
        .map(|check| check.name.to_owned())
        .collect();
    let stems = |sub: &str| -> BTreeSet<String> {
        let files = files(&folder().join(sub));
        let stems = files.iter().map(|file| file.file_stem().unwrap());
        stems
            .map(|stem| stem.to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(stems("seeds"), checks);
    assert_eq!(stems("fuzz_targets"), checks);
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for name in checks {
        let target = fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("check(\"{name}\"")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
