//! A part of a read model: what one stream or one category made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What each row of a read model belongs to one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PartKey {
    /// A stream.
    Stream,
    /// A category.
    Category,
}

impl PartKey {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Stream, Self::Category];

    /// As the definition writes it; the name of the column, too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Category => "category",
        }
    }
}

impl fmt::Display for PartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One stream, or one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    /// The stream of this name.
    Stream(String),
    /// The category of this name.
    Category(String),
}

impl Part {
    /// Which of the two it is.
    pub fn key(&self) -> PartKey {
        match self {
            Self::Stream(_) => PartKey::Stream,
            Self::Category(_) => PartKey::Category,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Stream(name) | Self::Category(name) => name,
        }
    }
}
