//! One stream.

use highwater_model::{StreamName, StreamPage, StreamSummary, Version};

use crate::{Direction, Store, StoreError};

impl Store {
    /// A page of one stream by version; none when there is no such stream.
    pub async fn read_stream(
        &self,
        _stream: &StreamName,
        _from: Option<Version>,
        _limit: usize,
        _direction: Direction,
    ) -> Result<Option<StreamPage>, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }

    /// One stream's facts.
    pub async fn stream(&self, _stream: &StreamName) -> Result<Option<StreamSummary>, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }
}
