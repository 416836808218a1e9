//! Inputs: seeds with some of their bytes changed, words at random, any text.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// So deep, or so often.
const ENDLESS: usize = 5_000;

/// One change of some bytes: what kind, where, and a number that says how much or which.
type Change = (u8, Index, u8);

/// What nests or repeats far beyond what anybody means.
pub(crate) fn endless() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for (open, close) in [
        ("[", "]"),
        ("{\"a\":", "}"),
        ("[{\"a\":", "}]"),
        ("(", ")"),
        ("/*", "*/"),
        ("\"", "\""),
        ("\\", ""),
        ("$", ""),
        ("-", ""),
        ("a ", ""),
        ("data.", ":1"),
        ("--\n", ""),
        ("1", ""),
        ("ä", ""),
    ] {
        let (open, close) = (open.repeat(ENDLESS), close.repeat(ENDLESS));
        // As all of it, as the data of an event behind a filter line, and behind a rule of masking.
        for before in ["", "x\n", "*\ndata.a\n"] {
            inputs.push(format!("{before}{open}").into_bytes());
            inputs.push(format!("{before}{open}1{close}").into_bytes());
        }
    }
    inputs
}

/// Whatever may come.
pub(crate) fn inputs(
    seeds: Vec<Vec<u8>>,
    words: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((0..6_u8, any::<Index>(), any::<u8>()), 1..6);
    let changed = (select(seeds), changes).prop_map(move |(mut input, changes)| {
        for change in changes {
            apply(&mut input, change, words);
        }
        input
    });
    let joined = prop::collection::vec(select(words), 0..24).prop_map(|words| words.concat());
    prop_oneof![
        4 => changed,
        4 => joined.prop_map(String::into_bytes),
        1 => any::<String>().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn apply(input: &mut Vec<u8>, (kind, at, number): Change, words: &[&str]) {
    let at = at.index(input.len() + 1);
    let some = usize::from(number % 32);
    let piece = at..input.len().min(at + some);
    match kind {
        0 => input.insert(at, number),
        1 => drop(input.drain(piece)),
        2 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << (number % 8);
            }
        }
        3 => {
            let word = words[usize::from(number) % words.len()];
            drop(input.splice(at..at, word.bytes()));
        }
        4 => {
            let again = input[piece].repeat(some);
            drop(input.splice(at..at, again));
        }
        _ => input.truncate(at),
    }
}
