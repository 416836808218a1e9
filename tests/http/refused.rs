//! What a refusal has to be.

use reqwest::StatusCode;
use serde_json::Value;

/// Asserts a refusal: its type, and words that its detail has to have.
pub(crate) fn is_refused(found: (StatusCode, Value), status: u16, kind: &str, says: &[&str]) {
    let (found, problem) = found;
    assert_eq!(
        (found.as_u16(), problem["type"].as_str()),
        (status, Some(kind)),
        "{problem}"
    );
    let detail = problem["detail"].as_str().unwrap_or_default();
    for word in says {
        assert!(
            detail.contains(word),
            "{kind} should say {word:?}: {detail}"
        );
    }
}
