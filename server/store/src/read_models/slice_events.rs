//! The events of a slice, for a projection in code: all at once, or part by part.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use highwater_model::{Position, RecordedEvent, StreamName, Version};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::slice::{Slice, SliceError};
use super::views::slice_events;

/// Events of a part at most: enough that asking for it costs nothing, few enough to have two of them in memory.
pub const PART: i32 = 10_000;
/// Bytes of events that are handed over at once.
const BYTES: usize = 64 << 20;
/// Streams whose names are remembered. A log of a million events in a hundred thousand streams looks each up once.
const STREAMS: usize = 500_000;

/// Where the reading of a slice is. Streams and types are looked up apart from the events: joined to them, they would cost more than
/// the events themselves (a million events from a log with 100,000 streams: 0.4 s to read, 1.3 s with names by a hash join, which then
/// has to be sorted again, 4 s by index probes).
#[derive(Debug, Default)]
pub struct SliceEvents {
    types: HashMap<i32, String>,
    streams: HashMap<i64, (StreamName, String)>,
    /// The events come from a cursor.
    open: bool,
    last: i64,
}

struct RawEvent {
    position: i64,
    stream_id: i64,
    version: i64,
    id: Uuid,
    type_id: i32,
    data: Box<RawValue>,
    metadata: Box<RawValue>,
    occurred_at: jiff_sqlx::Timestamp,
    recorded_at: jiff_sqlx::Timestamp,
}

const COLUMNS: &str = "e.position, e.stream_id, e.version, e.event_id, e.type_id, e.data, e.metadata, e.occurred_at, e.recorded_at";

impl RawEvent {
    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            position: row.try_get(0)?,
            stream_id: row.try_get(1)?,
            version: row.try_get(2)?,
            id: row.try_get(3)?,
            type_id: row.try_get(4)?,
            data: row.try_get::<Json<Box<RawValue>>, _>(5)?.0,
            metadata: row.try_get::<Json<Box<RawValue>>, _>(6)?.0,
            occurred_at: row.try_get(7)?,
            recorded_at: row.try_get(8)?,
        })
    }
}

fn broken(what: &str) -> SliceError {
    SliceError::Database(format!("the log is damaged: {what}"))
}

impl Slice<'_> {
    /// All events of the slice.
    pub async fn events(&mut self) -> Result<Vec<RecordedEvent>, SliceError> {
        let sql = format!(
            "select {COLUMNS} from ({}) e order by e.position",
            slice_events(self.version_id, super::set_up::CATCH_UP_LIMIT)
        );
        let raw = self.read(&sql).await?;
        self.named(&mut SliceEvents::default(), raw).await
    }

    /// The next events of the slice, [`PART`] at most; none: there are no more.
    pub async fn next_events(
        &mut self,
        reading: &mut SliceEvents,
    ) -> Result<Vec<RecordedEvent>, SliceError> {
        if !reading.open {
            // In the order in which the ranges of the log are walked, which is that of the positions: a sort would write all of them
            // to disk first. That it is, is looked at below.
            let declare = format!(
                "set local jit = off; declare highwater_slice no scroll cursor for select {COLUMNS} from ({}) e",
                slice_events(self.version_id, super::set_up::REBUILD_LIMIT)
            );
            sqlx::raw_sql(AssertSqlSafe(declare))
                .execute(&mut *self.transaction)
                .await?;
            reading.open = true;
        }
        let raw = self
            .read(&format!("fetch forward {PART} from highwater_slice"))
            .await?;
        for event in &raw {
            if event.position <= reading.last {
                return Err(broken(
                    "the database read the slice in another order than it was asked to",
                ));
            }
            reading.last = event.position;
        }
        self.named(reading, raw).await
    }

    async fn read(&mut self, sql: &str) -> Result<Vec<RawEvent>, SliceError> {
        let mut rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch(&mut *self.transaction);
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            let event = RawEvent::of(&row)?;
            bytes += event.data.get().len() + event.metadata.get().len();
            if bytes > BYTES && !events.is_empty() {
                return Err(SliceError::Database(format!(
                    "the slice has more than {} MiB of events; a smaller one is tried",
                    BYTES >> 20
                )));
            }
            events.push(event);
        }
        Ok(events)
    }

    /// The same with the names of their streams and types.
    async fn named(
        &mut self,
        reading: &mut SliceEvents,
        raw: Vec<RawEvent>,
    ) -> Result<Vec<RecordedEvent>, SliceError> {
        if raw
            .iter()
            .any(|event| !reading.types.contains_key(&event.type_id))
        {
            let types: Vec<(i32, String)> =
                sqlx::query_as("select type_id, name from highwater.event_types")
                    .fetch_all(&mut *self.transaction)
                    .await?;
            reading.types.extend(types);
        }
        if reading.streams.len() > STREAMS {
            reading.streams.clear();
        }
        let mut unknown: Vec<i64> = raw
            .iter()
            .map(|event| event.stream_id)
            .filter(|stream_id| !reading.streams.contains_key(stream_id))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let names: Vec<(i64, String, String)> = sqlx::query_as(
                "select stream_id, name, category from highwater.streams where stream_id = any ($1)",
            )
            .bind(unknown)
            .fetch_all(&mut *self.transaction)
            .await?;
            for (stream_id, name, category) in names {
                let name = StreamName::new(name)
                    .map_err(|error| broken(&format!("a stream has a bad name: {error}")))?;
                reading.streams.insert(stream_id, (name, category));
            }
        }
        let named = raw.into_iter().map(|event| {
            let (stream, category) = reading
                .streams
                .get(&event.stream_id)
                .ok_or_else(|| broken("an event has no stream"))?;
            let event_type = reading
                .types
                .get(&event.type_id)
                .ok_or_else(|| broken("an event has no type"))?;
            Ok(RecordedEvent {
                position: Position(event.position),
                stream: stream.clone(),
                category: category.clone(),
                version: Version(event.version),
                id: event.id,
                event_type: event_type.clone(),
                data: event.data,
                metadata: event.metadata,
                occurred_at: event.occurred_at.to_jiff(),
                recorded_at: event.recorded_at.to_jiff(),
            })
        });
        named.collect()
    }
}
