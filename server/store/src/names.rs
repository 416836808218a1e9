//! Names of streams and types by their ids. They never change, so what was read once is right for as long as the store is open; a page
//! of the log need not look up hundreds of streams that the page before it had as well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use highwater_model::{Position, RecordedEvent, StreamName, Version};
use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Store, StoreError, row};

/// Streams whose names are kept: some ten megabytes at most. One more, and they are read anew.
const STREAMS: usize = 65_536;

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    streams: HashMap<i64, StreamName>,
    types: HashMap<i32, Arc<str>>,
}

/// What the rows of a page are of, for as long as the page is put together.
struct Named {
    streams: HashMap<i64, StreamName>,
    types: HashMap<i32, Arc<str>>,
}

/// A row of the log as it lies there: what [`COLUMNS`] selects.
pub(crate) type EventRow = (
    i64,
    i64,
    i64,
    Uuid,
    i32,
    Json<Box<RawValue>>,
    Json<Box<RawValue>>,
    jiff_sqlx::Timestamp,
    jiff_sqlx::Timestamp,
);

pub(crate) const COLUMNS: &str = "select e.position, e.stream_id, e.version, e.event_id, e.type_id, e.data, e.metadata, e.occurred_at, e.recorded_at
 from highwater.events e ";

impl Names {
    /// Those of these that are known; and those that are not.
    fn known(&self, rows: &[EventRow]) -> (Named, Vec<i64>, Vec<i32>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut named = Named {
            streams: HashMap::new(),
            types: HashMap::new(),
        };
        let (mut streams, mut types) = (Vec::new(), Vec::new());
        for (_, stream, _, _, event_type, ..) in rows {
            if !named.streams.contains_key(stream) {
                match known.streams.get(stream) {
                    Some(name) => drop(named.streams.insert(*stream, name.clone())),
                    None => streams.push(*stream),
                }
            }
            if !named.types.contains_key(event_type) {
                match known.types.get(event_type) {
                    Some(name) => drop(named.types.insert(*event_type, Arc::clone(name))),
                    None => types.push(*event_type),
                }
            }
        }
        streams.sort_unstable();
        streams.dedup();
        types.sort_unstable();
        types.dedup();
        (named, streams, types)
    }

    fn learn(&self, named: &Named) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.streams.len() + named.streams.len() > STREAMS {
            known.streams.clear();
        }
        let streams = named.streams.iter();
        known
            .streams
            .extend(streams.map(|(id, name)| (*id, name.clone())));
        let types = named.types.iter();
        known
            .types
            .extend(types.map(|(id, name)| (*id, Arc::clone(name))));
    }
}

impl Store {
    /// Rows of the log as events.
    pub(crate) async fn named(
        &self,
        rows: Vec<EventRow>,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let (mut named, streams, types) = self.names().known(&rows);
        if !streams.is_empty() {
            let found: Vec<(i64, String)> = sqlx::query_as(
                "select s.stream_id, s.name from highwater.streams s where s.stream_id = any ($1)",
            )
            .bind(streams)
            .fetch_all(self.pool())
            .await?;
            for (id, name) in found {
                named.streams.insert(id, row::stream_name(name)?);
            }
        }
        if !types.is_empty() {
            let found: Vec<(i32, String)> = sqlx::query_as(
                "select t.type_id, t.name from highwater.event_types t where t.type_id = any ($1)",
            )
            .bind(types)
            .fetch_all(self.pool())
            .await?;
            let found = found.into_iter().map(|(id, name)| (id, Arc::from(name)));
            named.types.extend(found);
        }
        self.names().learn(&named);
        rows.into_iter().map(|row| named.event(row)).collect()
    }
}

impl Named {
    fn event(&self, row: EventRow) -> Result<RecordedEvent, StoreError> {
        let (position, stream, version, id, event_type, data, metadata, occurred_at, recorded_at) =
            row;
        let missing = |what: &str| StoreError::Broken(format!("event {position} has no {what}"));
        let stream = self.streams.get(&stream).ok_or_else(|| missing("stream"))?;
        let event_type = self.types.get(&event_type).ok_or_else(|| missing("type"))?;
        Ok(RecordedEvent {
            position: Position(position),
            stream: stream.clone(),
            category: stream.category().to_owned(),
            version: Version(version),
            id,
            event_type: event_type.to_string(),
            data: data.0,
            data_bytes: None,
            metadata: metadata.0,
            occurred_at: occurred_at.to_jiff(),
            recorded_at: recorded_at.to_jiff(),
        })
    }
}
