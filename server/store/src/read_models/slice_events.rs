//! The events of a slice, for a projection in code: all at once, or part by part.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use highwater_model::{Position, Version};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use super::set_up::CATCH_UP_LIMIT;
use super::slice::{BegunSlice, Slice, SliceError};
use super::slice_event::{Reads, SliceEvent, json_text};
use super::views::slice_events_behind;

/// Events of a part at most: enough that asking for it costs next to nothing, few enough to have two of them in memory.
const PART: i32 = 30_000;
/// Bytes of events that are handed over at once.
const BYTES: usize = 64 << 20;
/// Bytes that a part is meant to have at most, and the events of the first one, which tell how large they are.
const PART_BYTES: usize = 16 << 20;
const FIRST_PART: i32 = 1_000;
/// Streams whose names are remembered. A log of a million events in a hundred thousand streams looks each up once.
const STREAMS: usize = 500_000;

/// Where the reading of a slice is. Streams and types are looked up apart from the events: joined to them, they would cost more than
/// the events themselves (a million events of 100,000 streams in the database alone: 0.4 s, with names by a hash join and the sort that
/// it makes necessary 2.4 s, by index probes 4.3 s). Each part is a query of its own: from a cursor the database would first put a part
/// aside as a whole, which costs it a tenth of the time.
#[derive(Debug)]
pub struct SliceEvents {
    reads: Reads,
    /// Bytes of an event of the part before.
    mean: usize,
    last: i64,
    /// Events that were read.
    count: i64,
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
#[derive(Debug)]
pub struct EventNames {
    reads: Reads,
    streams: HashMap<i64, StreamNames>,
    types: HashMap<i32, String>,
}

#[derive(Debug)]
struct StreamNames {
    name: String,
    category: String,
}

/// What is read of each event; of metadata only when it is wanted.
fn columns(reads: Reads) -> String {
    let metadata = if reads.metadata { "e.metadata" } else { "null" };
    format!(
        "e.position, e.stream_id, e.version, e.event_id, e.type_id, e.data, {metadata}, e.occurred_at, e.recorded_at"
    )
}

const DATA: usize = 5;
const METADATA: usize = 6;

fn broken(what: &str) -> SliceError {
    SliceError::Database(format!("the log is damaged: {what}"))
}

impl Slice<'_> {
    /// All events of a slice at once. One that has more than fit is refused, as any that is too much.
    pub async fn whole(
        &mut self,
        begun: &BegunSlice,
        reads: Reads,
    ) -> Result<SlicePart, SliceError> {
        let mut reading = SliceEvents::of(reads);
        let part = self.read(CATCH_UP_LIMIT, &mut reading).await?;
        reading.check(begun)?;
        Ok(part)
    }

    /// The next events of the slice: some ten thousand, or fewer large ones.
    pub async fn next_part(&mut self, reading: &mut SliceEvents) -> Result<SlicePart, SliceError> {
        let fits = PART_BYTES
            .checked_div(reading.mean)
            .map_or(FIRST_PART, |fits| {
                i32::try_from(fits).unwrap_or(PART).clamp(1, PART)
            });
        self.read(fits, reading).await
    }

    async fn read(
        &mut self,
        most: i32,
        reading: &mut SliceEvents,
    ) -> Result<SlicePart, SliceError> {
        // In the order in which the ranges of the log are walked, which is that of the positions: a sort would come to it first. That
        // it is, is looked at below, and that none was left out, when all are read.
        let events = slice_events_behind("greatest(p.sliced_after, $1)", self.version_id, "$2");
        let sql = format!("select {} from ({events}) e", columns(reading.reads));
        let afresh = reading.streams.len() > STREAMS;
        if afresh {
            reading.streams.clear();
            reading.types.clear();
        }
        // Planned each time, for the positions and the number that they are.
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        let mut found = query
            .bind(reading.last)
            .bind(most)
            .fetch(&mut *self.transaction);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let (mut streams, mut new_type) = (Vec::new(), false);
        while let Some(row) = found.try_next().await? {
            for column in [DATA, METADATA] {
                bytes += row.try_get_raw(column)?.as_bytes().map_or(0, <[u8]>::len);
            }
            if bytes > BYTES && !rows.is_empty() {
                return Err(SliceError::Database(format!(
                    "the slice has more than {} MiB of events; a smaller one is tried",
                    BYTES >> 20
                )));
            }
            let position: i64 = row.try_get_unchecked(0)?;
            if position <= reading.last {
                return Err(broken(
                    "the database read the slice in another order than it was asked to",
                ));
            }
            reading.last = position;
            if reading.reads.streams {
                let stream_id = row.try_get_unchecked(1)?;
                if reading.streams.insert(stream_id) {
                    streams.push(stream_id);
                }
            }
            new_type |= reading.types.insert(row.try_get_unchecked(4)?);
            rows.push(row);
        }
        drop(found);
        reading.count += i64::try_from(rows.len()).unwrap_or(i64::MAX);
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

impl SliceEvents {
    /// At the beginning of a slice.
    pub fn of(reads: Reads) -> Self {
        Self {
            reads,
            mean: 0,
            last: 0,
            count: 0,
            streams: HashSet::new(),
            types: HashSet::new(),
        }
    }

    /// Whether the events that were read are those that the slice began with.
    pub fn check(&self, begun: &BegunSlice) -> Result<(), SliceError> {
        if self.count == begun.events {
            return Ok(());
        }
        Err(SliceError::Database(format!(
            "{} of the {} events of the slice were read",
            self.count, begun.events
        )))
    }
}

impl SlicePart {
    /// There are no more.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl EventNames {
    /// None yet.
    pub fn of(reads: Reads) -> Self {
        Self {
            reads,
            streams: HashMap::new(),
            types: HashMap::new(),
        }
    }

    /// The events of a part; parts come in their order, as the names of one are used in the next.
    pub fn events<'a>(
        &'a mut self,
        part: &'a mut SlicePart,
    ) -> Result<Vec<SliceEvent<'a>>, SliceError> {
        if part.afresh {
            self.streams.clear();
            self.types.clear();
        }
        let streams = part.streams.drain(..);
        self.streams.extend(
            streams.map(|(stream_id, name, category)| (stream_id, StreamNames { name, category })),
        );
        self.types.extend(part.types.drain(..));
        let (names, rows) = (&*self, &part.rows);
        rows.iter().map(|row| names.event(row)).collect()
    }

    fn event<'a>(&'a self, row: &'a PgRow) -> Result<SliceEvent<'a>, SliceError> {
        // Unchecked: the columns are those of `columns`, and to look at their types each time would be most of what this costs.
        let time = |column| {
            row.try_get_unchecked::<jiff_sqlx::Timestamp, _>(column)
                .map(jiff_sqlx::Timestamp::to_jiff)
        };
        let (stream, category) = if self.reads.streams {
            let names = self
                .streams
                .get(&row.try_get_unchecked(1)?)
                .ok_or_else(|| broken("an event has no stream"))?;
            (names.name.as_str(), names.category.as_str())
        } else {
            ("", "")
        };
        let event_type = self
            .types
            .get(&row.try_get_unchecked(4)?)
            .ok_or_else(|| broken("an event has no type"))?;
        let metadata = if self.reads.metadata {
            json_text(row, METADATA)?
        } else {
            "{}"
        };
        Ok(SliceEvent {
            position: Position(row.try_get_unchecked(0)?),
            stream,
            category,
            version: Version(row.try_get_unchecked(2)?),
            id: row.try_get_unchecked(3)?,
            event_type,
            data: json_text(row, DATA)?,
            metadata,
            occurred_at: time(7)?,
            recorded_at: time(8)?,
        })
    }
}
