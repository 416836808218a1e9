//! Importing: a chunk of lines, each recorded once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use highwater_model::{ImportLine, Position, ProposedEvent, StreamName};
use uuid::Uuid;

use crate::columns::{self, Columns, Places};
use crate::json_check::{PreparedEvent, check_event};
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
    /// Records a chunk (1,000 lines or so), all of it or nothing; lines whose id is in the log, or in a line before, with the same
    /// content are skipped. Of two lines of a chunk only the same text is taken as the same content.
    pub async fn import(&self, chunk: Vec<ImportLine>) -> Result<ImportChunk, StoreError> {
        if chunk.is_empty() {
            return Ok(ImportChunk::default());
        }
        let lines = chunk.len() as u64;
        let mut names: Vec<StreamName> = Vec::with_capacity(chunk.len());
        let mut events = Vec::with_capacity(chunk.len());
        for (index, line) in chunk.into_iter().enumerate() {
            let event = ProposedEvent {
                event_type: line.event_type,
                data: line.data,
                id: line.id,
                occurred_at: line.occurred_at,
                metadata: line.metadata,
            };
            events.push(check_event(
                &line.stream,
                index,
                event,
                self.limits(),
                *self.ids(),
            )?);
            names.push(line.stream);
        }
        drop_repeats(&mut names, &mut events)?;
        let started = Instant::now();
        loop {
            let columns = Columns::of(events.iter(), false);
            let (mut streams, mut places) = (vec![], Places::default());
            let units: Vec<i32> = names
                .iter()
                .map(|name| places.of(name.as_str(), &mut streams))
                .collect();
            let nth = columns::nth(&units);
            let (imported, first, reused, busy): (i64, Option<i64>, Option<Uuid>, Option<String>) =
                sqlx::query_as("select imported, first_position, reused, busy from highwater.import_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
                    .bind(streams)
                    .bind(columns.kinds)
                    .bind(units)
                    .bind(nth)
                    .bind(columns.kind)
                    .bind(columns.ids)
                    .bind(columns.known)
                    .bind(columns.datas)
                    .bind(columns.metadatas)
                    .bind(columns.occurred)
                    .fetch_one(self.appender().pool())
                    .await?;
            if let Some(id) = reused {
                return Err(StoreError::IdReused { id });
            }
            if let Some(busy) = busy {
                if started.elapsed() >= self.appender().busy_wait() {
                    let stream = StreamName::new(busy)
                        .map_err(|error| StoreError::Broken(error.to_string()))?;
                    return Err(StoreError::StreamBusy { stream });
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let last_position = first.map(|first| Position(first + imported - 1));
            if let Some(last) = last_position {
                self.appender().raise(last);
            }
            let imported = u64::try_from(imported).unwrap_or(0);
            metrics::counter!("highwater_events_appended_total").increment(imported);
            return Ok(ImportChunk {
                imported,
                skipped: lines - imported,
                first_position: first.map(Position),
                last_position,
            });
        }
    }
}

/// Takes out lines that say again what a line before says: the database looks up ids before it records, so it would not see them.
fn drop_repeats(
    names: &mut Vec<StreamName>,
    events: &mut Vec<PreparedEvent>,
) -> Result<(), StoreError> {
    let mut first = HashMap::new();
    let mut again = vec![false; events.len()];
    for (index, event) in events.iter().enumerate().filter(|(_, event)| event.given) {
        let Some(before) = first.insert(event.id, index) else {
            continue;
        };
        again[index] = names[before] == names[index] && says_the_same(&events[before], event);
        if !again[index] {
            return Err(StoreError::IdReused { id: event.id });
        }
    }
    let mut keep = again.iter().map(|again| !again);
    names.retain(|_| keep.next().unwrap_or(true));
    let mut keep = again.iter().map(|again| !again);
    events.retain(|_| keep.next().unwrap_or(true));
    Ok(())
}

fn says_the_same(one: &PreparedEvent, other: &PreparedEvent) -> bool {
    one.event_type == other.event_type
        && one.data.get() == other.data.get()
        && one.metadata.get() == other.metadata.get()
        && one.occurred_at == other.occurred_at
}
