//! Importing: a chunk of lines, each recorded once.

use highwater_model::{ImportLine, Position};

use crate::{Store, StoreError};

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportChunk {
    /// Events recorded.
    pub imported: u64,
    /// Events that were there already.
    pub skipped: u64,
    /// Position of the first one recorded.
    pub first_position: Option<Position>,
    /// Position of the last one recorded.
    pub last_position: Option<Position>,
}

impl Store {
    /// Records a chunk (1,000 lines or so), all of it or nothing; lines whose id is in the log with the same content are skipped.
    pub async fn import(&self, _chunk: Vec<ImportLine>) -> Result<ImportChunk, StoreError> {
        Err(StoreError::Broken("import is not there yet".to_owned()))
    }
}
