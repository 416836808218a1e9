//! Importing: a chunk of lines, each recorded once.

use std::time::{Duration, Instant};

use highwater_model::{ImportLine, Position, ProposedEvent, StreamName};
use uuid::Uuid;

use crate::appender::Columns;
use crate::json_check::check_event;
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
        // The same id twice in a chunk: the database looks up ids before it records, so it would not see the first one.
        let mut ids = std::collections::HashSet::new();
        if let Some(twice) = events
            .iter()
            .find(|event| event.given && !ids.insert(event.id))
        {
            return Err(StoreError::IdReused { id: twice.id });
        }
        let started = Instant::now();
        loop {
            let columns = Columns::of(events.iter(), false);
            let (imported, first, reused, busy): (i64, Option<i64>, Option<Uuid>, Option<String>) =
                sqlx::query_as("select imported, first_position, reused, busy from highwater.import_batch($1, $2, $3, $4, $5, $6, $7)")
                    .bind(names.iter().map(StreamName::as_str).collect::<Vec<_>>())
                    .bind(columns.ids)
                    .bind(columns.known)
                    .bind(columns.types)
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
