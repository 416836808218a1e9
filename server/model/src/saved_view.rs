//! Saved views: what a page of the console shows, by a name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The pages whose views are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ViewPage {
    /// The tail of the log.
    Live,
    /// The list of streams.
    Streams,
    /// The list of flows.
    Flows,
}

impl ViewPage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Live, Self::Streams, Self::Flows];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Streams => "streams",
            Self::Flows => "flows",
        }
    }

    /// The page's address.
    pub fn path(self) -> &'static str {
        match self {
            Self::Live => "/live",
            Self::Streams => "/streams",
            Self::Flows => "/flows",
        }
    }
}

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedView {
    /// Its number.
    pub id: i64,
    /// The page.
    pub page: ViewPage,
    /// What it is called.
    pub name: String,
    /// The page's query string, without its question mark.
    pub query: String,
    /// Who saved it.
    pub owner: String,
    /// Everybody sees it, not its owner alone.
    pub shared: bool,
    /// When it was saved last.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub saved_at: Timestamp,
}

impl SavedView {
    /// The link to it.
    pub fn href(&self) -> String {
        if self.query.is_empty() {
            return self.page.path().to_owned();
        }
        format!("{}?{}", self.page.path(), self.query)
    }
}

/// A view to be saved; one of the same page and name takes the place of the owner's earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedViewBody {
    /// The page.
    pub page: ViewPage,
    /// What it is called: 1 to 100 characters.
    pub name: String,
    /// The page's query string, without its question mark: up to 4,000 bytes.
    pub query: String,
    /// Everybody is to see it.
    #[serde(default)]
    pub shared: bool,
}
