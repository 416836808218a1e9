//! What is looked at to say whether the store is well.

use serde::{Deserialize, Serialize};

/// One check of the store, its database, or what stands on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoreCheck {
    /// A word for it: `connections`.
    #[serde(rename = "check")]
    pub name: String,
    /// What it came to.
    pub verdict: CheckVerdict,
    /// What was found, in a sentence or the beginning of one.
    pub found: String,
    /// What to do about it; none when nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

/// What a check came to. The worse is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// As it should be.
    Good,
    /// Nothing is broken, and something is better done before it is.
    Advice,
    /// Something does not work, or will be lost.
    Wrong,
}

impl StoreCheck {
    /// As it should be.
    pub fn good(name: &str, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            verdict: CheckVerdict::Good,
            found: found.into(),
            todo: None,
        }
    }

    /// Better done soon.
    pub fn advice(name: &str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            verdict: CheckVerdict::Advice,
            todo: Some(todo.into()),
            ..Self::good(name, found)
        }
    }

    /// To be mended.
    pub fn wrong(name: &str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            verdict: CheckVerdict::Wrong,
            ..Self::advice(name, found, todo)
        }
    }
}
