//! The filter line: which events. One grammar for the page, the API, the WebSocket and the command line.
//!
//! Terms are and-ed by spaces, values inside a term are or-ed by commas, `-` negates a term:
//! `type:Order*,Payment* -stream:order-test-* data.total>100 since:2h "late delivery"`.
//!
//! [`Filter::matches`] decides in memory; `highwater_store` compiles the same terms to SQL. Both must agree on every event: a
//! property test there holds them to it.

mod complete;
mod error;
pub(crate) mod json;
mod matches;
mod parse;
mod term;
mod text;

pub use complete::{Completion, CompletionKind};
pub use error::FilterError;
pub use term::{Comparison, Glob, Literal, Root, Subject, Term, Time, Value};
pub use text::quoted;

use crate::RecordedEvent;
use jiff::Timestamp;

/// Which events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter line.
    pub fn parse(line: &str) -> Result<Self, FilterError> {
        parse::parse(line).map(|terms| Self { terms })
    }

    /// True when it lets every event through.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its terms; an event must meet all of them.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether the event meets every term. `now` is what `since:15m` counts from.
    pub fn matches(&self, event: &RecordedEvent, now: Timestamp) -> bool {
        matches::matches(&self.terms, event, now)
    }

    /// What could be typed at `cursor` (a byte offset).
    pub fn complete(line: &str, cursor: usize) -> Completion {
        complete::complete(line, cursor)
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        Self::parse(line)
    }
}

impl std::fmt::Display for Filter {
    /// The normal form: parsing it gives the same filter.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}
