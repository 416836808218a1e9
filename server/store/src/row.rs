//! A row of the log as an event.

use highwater_model::{Position, RecordedEvent, StreamName, Version};
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

use crate::StoreError;

/// What every read of events selects.
pub(crate) const COLUMNS: &str = "select e.position, s.name as stream, s.category, e.version, e.event_id, k.name as type, e.data, e.metadata, e.occurred_at, e.recorded_at ";
/// Where from.
pub(crate) const FROM: &str = "from highwater.events e join highwater.streams s using (stream_id) join highwater.event_types k using (type_id) ";

pub(crate) fn event(row: &PgRow) -> Result<RecordedEvent, StoreError> {
    let stream: String = row.try_get("stream")?;
    Ok(RecordedEvent {
        position: Position(row.try_get("position")?),
        stream: StreamName::new(stream).map_err(|error| {
            StoreError::Broken(format!("a stream in the database has a bad name: {error}"))
        })?,
        category: row.try_get("category")?,
        version: Version(row.try_get("version")?),
        id: row.try_get("event_id")?,
        event_type: row.try_get("type")?,
        data: row.try_get::<Json<Box<RawValue>>, _>("data")?.0,
        metadata: row.try_get::<Json<Box<RawValue>>, _>("metadata")?.0,
        occurred_at: row
            .try_get::<jiff_sqlx::Timestamp, _>("occurred_at")?
            .to_jiff(),
        recorded_at: row
            .try_get::<jiff_sqlx::Timestamp, _>("recorded_at")?
            .to_jiff(),
    })
}

pub(crate) fn events(rows: &[PgRow]) -> Result<Vec<RecordedEvent>, StoreError> {
    rows.iter().map(event).collect()
}
