//! Event types and what their data looks like.

use highwater_model::EventTypeSummary;

use crate::{Store, StoreError};

impl Store {
    /// Every event type, most events first.
    pub async fn event_types(&self) -> Result<Vec<EventTypeSummary>, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }
}
