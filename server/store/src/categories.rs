//! Categories.

use highwater_model::CategorySummary;

use crate::{Store, StoreError};

impl Store {
    /// Every category, most events first.
    pub async fn categories(&self) -> Result<Vec<CategorySummary>, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }
}
