//! `weight`: what a first visit of the console loads, compressed, without fonts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::report::{Goal, Row};

/// Kilobytes.
const GOAL: f64 = 200.0;

/// Adds up the program, its script and the style.
pub(crate) fn run() -> Result<Vec<Row>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/site/pkg"));
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder).context("the console is not built")? {
        let path = entry?.path();
        let kind = path
            .to_str()
            .and_then(|path| path.strip_suffix(".br"))
            .and_then(|path| path.rsplit('.').next())
            .unwrap_or_default();
        if ["js", "wasm", "css"].contains(&kind) {
            parts.push((kind.to_owned(), path.metadata()?.len() as f64 / 1_000.0));
        }
    }
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    let sum: f64 = parts.iter().map(|part| part.1).sum();
    let detail: Vec<String> = parts
        .iter()
        .map(|(kind, size)| format!("{kind} {size:.1}"))
        .collect();
    Ok(vec![
        Row::new(
            "weight",
            "console, brotli, no fonts",
            format!("{sum:.1} KB ({})", detail.join(", ")),
        )
        .goal(sum, Goal::AtMost(GOAL)),
    ])
}
