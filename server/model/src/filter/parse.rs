//! Reads a filter line.

use super::term::Term;

/// Where a filter line goes wrong, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Byte offset in the line.
    pub at: usize,
    /// How many bytes are wrong.
    pub len: usize,
    /// A sentence.
    pub message: String,
    /// What could stand there instead.
    pub expected: Vec<String>,
}

pub(super) fn split_key(term: &str) -> Option<(&str, &str)> {
    let at = term.find([':', '=', '<', '>'])?;
    Some((&term[..at], &term[at..=at]))
}

pub(super) fn parse(line: &str) -> Result<Vec<Term>, FilterError> {
    if line.trim().is_empty() {
        return Ok(Vec::new());
    }
    Err(FilterError { at: 0, len: line.len(), message: "filters are not understood yet".to_owned(), expected: Vec::new() })
}
