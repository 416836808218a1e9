//! Alerts: rules, what fires by them, and what is told of it.
//!
//! # Words
//! | word | file | meaning |
//! |---|---|---|
//! | rule | `rules.rs` | what somebody wrote: what is looked at, from when on it is wrong, who is told |
//! | alert | `list.rs` | a rule, and one thing that it found wrong: pending, firing, resolved |
//! | round | `round.rs` | all rules looked after once, in one transaction that holds advisory `(7210, 16)`: of several servers one does it at a time, and what it decides from is what it changes |
//! | telling | `tellings.rs` | what a webhook is told of one change of an alert: a row that waits until it was taken |
//! | preview | `preview.rs` | what a rule would have fired at, by the history of lag |

mod list;
mod preview;
mod round;
mod rules;
mod tellings;

use highwater_model::{AlertKind, AlertOf, AlertRuleFault};

use crate::StoreError;

pub use round::{AlertChange, AlertNow, AlertRound, OpenAlert, Telling, WatchedRule};
pub use tellings::DueTelling;

/// Why a rule was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertRuleError {
    /// It is not as a rule can be.
    #[error(transparent)]
    Fault(#[from] AlertRuleFault),
    /// It does not fit to what is there.
    #[error("{0}")]
    Refused(String),
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AlertRuleError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

fn kind(stored: &str) -> Result<AlertKind, StoreError> {
    AlertKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == stored)
        .ok_or_else(|| unknown(stored))
}

fn of(stored: &str) -> Result<AlertOf, StoreError> {
    AlertOf::ALL
        .into_iter()
        .find(|of| of.as_str() == stored)
        .ok_or_else(|| unknown(stored))
}

fn unknown(stored: &str) -> StoreError {
    StoreError::Broken(format!(
        "an alert in the database is of {stored:?}, which means nothing"
    ))
}
