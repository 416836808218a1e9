//! The definition of a read model: a `.sql` file with directives in its comments.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::filter::Glob;
use crate::{PartKey, read_model_parse};

/// Bytes of a definition's text.
pub const DEFINITION_BYTES: usize = 256 << 10;

/// Where a definition goes wrong, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("line {line}, column {column}: {message}{}", self.hint())]
pub struct DefinitionError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// A sentence.
    pub message: String,
    /// What could stand there instead.
    pub expected: Vec<String>,
    /// SQLSTATE, when the database found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
}

impl DefinitionError {
    /// At a byte of the text.
    pub fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            expected: Vec::new(),
            sqlstate: None,
        }
    }

    pub(crate) fn expecting(mut self, expected: &[&str]) -> Self {
        self.expected = expected.iter().map(|&word| word.to_owned()).collect();
        self
    }

    fn hint(&self) -> String {
        if self.expected.is_empty() {
            String::new()
        } else {
            format!(" (expected: {})", self.expected.join(", "))
        }
    }
}

/// What happens with an event that can't be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicy {
    /// The read model stands there until an operator decides.
    #[default]
    Stop,
    /// It is tried again, later and later, and stands there in the end.
    Retry,
    /// It is left out, on record.
    Skip,
}

impl FailurePolicy {
    /// As the definition writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Retry => "retry",
            Self::Skip => "skip",
        }
    }
}

/// How the handler's statements are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HandlerKind {
    /// Once a slice; `events` holds its events.
    Slice,
    /// Once an event; `event` is its one row.
    Each,
}

/// A key, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// What rows belong to.
    pub part: PartKey,
    /// Byte offset in the definition.
    pub at: usize,
}

/// One statement, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Without its semicolon.
    pub text: String,
    /// Byte offset in the definition.
    pub at: usize,
    /// It answers rows, which nobody reads.
    pub answers_rows: bool,
}

/// A definition that can be read; its SQL is checked by the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The read model's name.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Types of the events that it handles; `*` stands for any characters.
    pub events: Vec<Glob>,
    /// What question it answers.
    pub describe: Option<String>,
    /// What each of its rows belongs to one of, so that a part of them can be rebuilt.
    pub key: Option<Key>,
    /// Handling an event twice changes nothing.
    pub replay_safe: bool,
    /// Columns that a comparison leaves out: `column` or `table.column`.
    pub ignored_columns: Vec<String>,
    /// What happens with an event that can't be handled.
    pub policy: FailurePolicy,
    /// Makes its tables.
    pub tables: Vec<Statement>,
    /// How the handler is run.
    pub handler: HandlerKind,
    /// Handles events.
    pub statements: Vec<Statement>,
}

/// A name that can't be a read model's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(String);

/// Checks the name of a read model: it is the name of a schema, too.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !first || !rest || name.len() > 48 {
        return Err(NameError(format!(
            "a read model's name begins with a letter and has up to 48 of a–z, 0–9 and _, like customer_totals; {name:?} is not one"
        )));
    }
    if name.contains("__") {
        return Err(NameError(format!(
            "{name:?} holds __, which marks the schemas of other versions; use one _"
        )));
    }
    if ["highwater", "public", "information_schema"].contains(&name) || name.starts_with("pg_") {
        return Err(NameError(format!(
            "{name:?} is the name of a schema that the database or Highwater needs; choose another"
        )));
    }
    Ok(())
}

impl Definition {
    /// Reads a definition.
    pub fn parse(name: &str, text: &str) -> Result<Self, DefinitionError> {
        read_model_parse::parse(name, text)
    }

    /// The types that it handles, as the definition writes them.
    pub fn event_names(&self) -> Vec<String> {
        self.events.iter().map(Glob::to_string).collect()
    }
}

impl fmt::Display for FailurePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_collide_are_refused() {
        for name in [
            "",
            "Orders",
            "1a",
            "highwater",
            "public",
            "pg_x",
            "information_schema",
            "a__shadow",
            "a-b",
            &"x".repeat(49),
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
        check_name("customer_totals2").unwrap();
    }
}
