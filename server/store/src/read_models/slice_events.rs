//! The events of a slice, for a projection in code: all at once, or part by part.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use highwater_model::{Position, RecordedEvent, StreamName, Version};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Row};

use super::slice::{Slice, SliceError};
use super::views::slice_events;

/// Events of a part at most: enough that asking for it costs nothing, few enough to have two of them in memory.
pub const PART: i32 = 10_000;
/// Bytes of events that are handed over at once.
const BYTES: usize = 64 << 20;
/// Bytes that a part is meant to have at most, and the events of the first one, which tell how large they are.
const PART_BYTES: usize = 16 << 20;
const FIRST_PART: usize = 1_000;
/// Streams whose names are remembered. A log of a million events in a hundred thousand streams looks each up once.
const STREAMS: usize = 500_000;

/// Where the reading of a slice is. Streams and types are looked up apart from the events: joined to them, they would cost more than
/// the events themselves (a million events of 100,000 streams in the database alone: 0.4 s, with names by a hash join and the sort that
/// it makes necessary 2.4 s, by index probes 4.3 s).
#[derive(Debug, Default)]
pub struct SliceEvents {
    /// The events come from a cursor, which is open.
    open: bool,
    /// Bytes of an event of the part before.
    mean: usize,
    last: i64,
    streams: HashSet<i64>,
    types: HashSet<i32>,
}

/// Events as the database sends them, and the names that were not sent before: to make events of them is work for a thread of its own.
#[derive(Debug)]
pub struct SlicePart {
    rows: Vec<PgRow>,
    /// What was sent before is to be forgotten.
    afresh: bool,
    streams: Vec<(i64, String, String)>,
    types: Vec<(i32, String)>,
}

/// The names of streams and types, and the categories of streams.
#[derive(Debug, Default)]
pub struct EventNames {
    streams: HashMap<i64, (StreamName, String)>,
    types: HashMap<i32, String>,
}

const COLUMNS: &str = "e.position, e.stream_id, e.version, e.event_id, e.type_id, e.data, e.metadata, e.occurred_at, e.recorded_at";

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
        let part = self.read(&sql, &mut SliceEvents::default()).await?;
        EventNames::default().events(part)
    }

    /// The next events of the slice, [`PART`] at most.
    pub async fn next_part(&mut self, reading: &mut SliceEvents) -> Result<SlicePart, SliceError> {
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
        let most = usize::try_from(PART).unwrap_or(FIRST_PART);
        let fits = PART_BYTES
            .checked_div(reading.mean)
            .map_or(FIRST_PART, |fits| fits.clamp(1, most));
        let fetch = format!("fetch forward {fits} from highwater_slice");
        self.read(&fetch, reading).await
    }

    async fn read(
        &mut self,
        sql: &str,
        reading: &mut SliceEvents,
    ) -> Result<SlicePart, SliceError> {
        let afresh = reading.streams.len() > STREAMS;
        if afresh {
            reading.streams.clear();
            reading.types.clear();
        }
        let mut found = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch(&mut *self.transaction);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let (mut streams, mut new_type) = (Vec::new(), false);
        while let Some(row) = found.try_next().await? {
            for column in [5, 6] {
                bytes += row.try_get_raw(column)?.as_bytes().map_or(0, <[u8]>::len);
            }
            if bytes > BYTES && !rows.is_empty() {
                return Err(SliceError::Database(format!(
                    "the slice has more than {} MiB of events; a smaller one is tried",
                    BYTES >> 20
                )));
            }
            let position: i64 = row.try_get(0)?;
            if position <= reading.last {
                return Err(broken(
                    "the database read the slice in another order than it was asked to",
                ));
            }
            reading.last = position;
            let stream_id = row.try_get(1)?;
            if reading.streams.insert(stream_id) {
                streams.push(stream_id);
            }
            new_type |= reading.types.insert(row.try_get(4)?);
            rows.push(row);
        }
        drop(found);
        // Of one event at least: of no bytes there would be no telling how many fit.
        reading.mean = (bytes / rows.len().max(1)).max(1);
        let mut part = SlicePart {
            rows,
            afresh,
            streams: Vec::new(),
            types: Vec::new(),
        };
        if !streams.is_empty() {
            part.streams = sqlx::query_as(
                "select stream_id, name, category from highwater.streams where stream_id = any ($1)",
            )
            .bind(streams)
            .fetch_all(&mut *self.transaction)
            .await?;
        }
        if new_type {
            part.types = sqlx::query_as("select type_id, name from highwater.event_types")
                .fetch_all(&mut *self.transaction)
                .await?;
        }
        Ok(part)
    }
}

impl SlicePart {
    /// There are no more.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl EventNames {
    /// The events of a part; parts come in their order, as the names of one are used in the next.
    pub fn events(&mut self, part: SlicePart) -> Result<Vec<RecordedEvent>, SliceError> {
        if part.afresh {
            self.streams.clear();
            self.types.clear();
        }
        for (stream_id, name, category) in part.streams {
            let name = StreamName::new(name)
                .map_err(|error| broken(&format!("a stream has a bad name: {error}")))?;
            self.streams.insert(stream_id, (name, category));
        }
        self.types.extend(part.types);
        part.rows.iter().map(|row| self.event(row)).collect()
    }

    fn event(&self, row: &PgRow) -> Result<RecordedEvent, SliceError> {
        let time = |column| {
            row.try_get::<jiff_sqlx::Timestamp, _>(column)
                .map(jiff_sqlx::Timestamp::to_jiff)
        };
        let (stream, category) = self
            .streams
            .get(&row.try_get(1)?)
            .ok_or_else(|| broken("an event has no stream"))?;
        let event_type = self
            .types
            .get(&row.try_get(4)?)
            .ok_or_else(|| broken("an event has no type"))?;
        Ok(RecordedEvent {
            position: Position(row.try_get(0)?),
            stream: stream.clone(),
            category: category.clone(),
            version: Version(row.try_get(2)?),
            id: row.try_get(3)?,
            event_type: event_type.clone(),
            data: row.try_get::<Json<Box<RawValue>>, _>(5)?.0,
            metadata: row.try_get::<Json<Box<RawValue>>, _>(6)?.0,
            occurred_at: time(7)?,
            recorded_at: time(8)?,
        })
    }
}
