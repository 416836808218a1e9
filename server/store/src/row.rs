//! A row of the log as an event.

use highwater_model::{Position, RecordedEvent, StreamName, Version};
use jiff::Timestamp;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::StoreError;

/// What a read of events by more than their places selects; reads of whole stretches of the log have `names.rs`.
pub(crate) const COLUMNS: &str = "select e.position, s.name as stream, s.category, e.version, e.event_id, k.name as type, e.data, e.metadata, e.occurred_at, e.recorded_at ";
/// Where from.
pub(crate) const FROM: &str = "from highwater.events e join highwater.streams s using (stream_id) join highwater.event_types k using (type_id) ";

/// A moment in a column.
pub(crate) fn time(row: &PgRow, column: &str) -> Result<Timestamp, StoreError> {
    Ok(row.try_get::<jiff_sqlx::Timestamp, _>(column)?.to_jiff())
}

/// A stream's name in a column.
pub(crate) fn stream(row: &PgRow, column: &str) -> Result<StreamName, StoreError> {
    stream_name(row.try_get(column)?)
}

/// A stream's name that the database has.
pub(crate) fn stream_name(name: String) -> Result<StreamName, StoreError> {
    StreamName::new(name).map_err(|error| {
        StoreError::Broken(format!("a stream in the database has a bad name: {error}"))
    })
}

pub(crate) fn event(row: &PgRow) -> Result<RecordedEvent, StoreError> {
    Ok(RecordedEvent {
        position: Position(row.try_get("position")?),
        stream: stream(row, "stream")?,
        category: row.try_get("category")?,
        version: Version(row.try_get("version")?),
        id: row.try_get("event_id")?,
        event_type: row.try_get("type")?,
        data: row.try_get::<Json<Box<RawValue>>, _>("data")?.0,
        data_bytes: None,
        metadata: row.try_get::<Json<Box<RawValue>>, _>("metadata")?.0,
        occurred_at: time(row, "occurred_at")?,
        recorded_at: time(row, "recorded_at")?,
    })
}

pub(crate) fn events(rows: &[PgRow]) -> Result<Vec<RecordedEvent>, StoreError> {
    rows.iter().map(event).collect()
}
