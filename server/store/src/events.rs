//! Reading the log.

use highwater_model::filter::Filter;
use highwater_model::{EventPage, EventWithCauses, Position, RecordedEvent};
use uuid::Uuid;

use crate::{Store, StoreError};

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Oldest first.
    #[default]
    Forward,
    /// Newest first.
    Backward,
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Only above this position.
    pub after: Option<Position>,
    /// Only below this position.
    pub before: Option<Position>,
    /// How many at most.
    pub limit: usize,
    /// Which way.
    pub direction: Direction,
    /// Which.
    pub filter: Filter,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self { after: None, before: None, limit: 100, direction: Direction::Forward, filter: Filter::default() }
    }
}

impl Store {
    /// A page of the log by position.
    pub async fn read_log(&self, _query: LogQuery) -> Result<EventPage, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }

    /// Everything after a position, in order, without gaps: what a tail reads.
    pub async fn read_tail(&self, _after: Position, _limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }

    /// One event, what caused it and what it caused.
    pub async fn event(&self, _id: Uuid) -> Result<Option<EventWithCauses>, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }

    /// The events of a flow, by position.
    pub async fn flow(&self, _correlation_id: Uuid, _limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        Err(StoreError::Broken("reading is not there yet".to_owned()))
    }
}
