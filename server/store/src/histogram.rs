//! How many events were recorded when.

use highwater_model::Histogram;
use highwater_model::filter::Filter;
use jiff::Timestamp;

use crate::{Store, StoreError};

impl Store {
    /// Counts over time by `recorded_at`.
    pub async fn histogram(&self, _since: Timestamp, _until: Timestamp, _buckets: usize, _filter: &Filter) -> Result<Histogram, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }
}
