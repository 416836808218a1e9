//! Appending.

use highwater_model::{AppendToStream, Appended};

use crate::{Store, StoreError};

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendOutcome {
    /// One for each stream, as they were given.
    pub appended: Vec<Appended>,
    /// Every id was in the log already with the same content: this is the first answer again.
    pub duplicate: bool,
}

impl Store {
    /// Appends to one stream or several: all of it or nothing. It is on disk when this answers.
    pub async fn append(&self, appends: Vec<AppendToStream>) -> Result<AppendOutcome, StoreError> {
        let request = crate::json_check::check(appends, self.limits(), *self.ids())?;
        self.appender().append(request).await
    }
}
