//! The store as a whole.

use highwater_model::StoreFacts;

use crate::{Store, StoreError};

impl Store {
    /// The mark, what holds it, sizes.
    pub async fn facts(&self) -> Result<StoreFacts, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }
}
