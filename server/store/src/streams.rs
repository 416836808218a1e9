//! Finding streams.

use highwater_model::{StreamList, StreamOrder};

use crate::{Store, StoreError};

/// Which streams.
#[derive(Debug, Clone, Default)]
pub struct StreamQuery {
    /// Part of the name, or a pattern with `*`.
    pub query: Option<String>,
    /// Only of this category.
    pub category: Option<String>,
    /// Sorted how.
    pub order: StreamOrder,
    /// How many at most; 100 when 0.
    pub limit: usize,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

impl Store {
    /// A page of streams.
    pub async fn streams(&self, _query: StreamQuery) -> Result<StreamList, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }
}
