//! Refusals: `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A refusal that says what happened and what to do. The facts stand beside as fields of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Stable name of the situation: `conflict`, `id_reused`, `bad_filter`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The situation in a few words, the same each time.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here, and what to do: whole sentences for a person.
    pub detail: String,
    /// Facts, by situation: `stream`, `expected`, `actual`, `line`, `at`, …
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

impl Problem {
    /// A problem without facts.
    pub fn new(status: u16, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            facts: Map::new(),
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, fact: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), fact.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}
