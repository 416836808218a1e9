//! Import: `POST /api/import`, NDJSON in, NDJSON out.

use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use highwater_model::{ImportLine, ImportProgress, ImportSummary, Problem};
use highwater_store::{ImportChunk, Store, StoreError};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::import_lines::{Chunk, ImportLines};
use super::problem::ApiError;
use crate::caller::Caller;
use crate::limits::{ImportRoom, refuse};
use crate::state::AppState;

/// Progress is for eyes; more often would only fill the buffers of a client that reads the answer last.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// How often a chunk is tried when the store says "later".
const ATTEMPTS: u32 = 8;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

/// Imports NDJSON, a line an event with its `stream`, in order, any size. Answers progress lines and a last line: a summary, or the
/// problem that stopped it, with the line's number. Sent again it imports nothing twice.
#[utoipa::path(post, path = "/api/import", security(("login" = ["append"])), tag = "append",
    request_body(content = ImportLine, content_type = "application/x-ndjson"),
    responses((status = 200, description = "Progress lines, then a summary or a problem", body = ImportSummary, content_type = "application/x-ndjson"),
              (status = 503, description = "As many imports run as the server takes at once, in all or of this user or token", body = Problem, content_type = "application/problem+json")))]
async fn import(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let room = match state.limits.import(&caller) {
        Ok(room) => room,
        Err(problem) => return refuse(problem, request.into_body()),
    };
    let run = Import::new(state.store.clone(), request.into_body(), room);
    let lines = stream::unfold(run, |mut run| async move {
        let line = run.next_line().await?;
        Some((Ok::<_, io::Error>(line), run))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (kind, Body::from_stream(lines)).into_response()
}

struct Import {
    lines: ImportLines,
    recorder: Recorder,
    /// The chunk that was read while the one before it was recorded.
    ahead: Option<Chunk>,
    told: Instant,
    ended: bool,
    /// Its part of what the server takes at once.
    _room: ImportRoom,
}

impl Import {
    fn new(store: Store, body: Body, room: ImportRoom) -> Self {
        Self {
            lines: ImportLines::new(body, store.limits(), *store.ids()),
            recorder: Recorder {
                store,
                summary: ImportSummary {
                    imported: 0,
                    skipped: 0,
                    first_position: None,
                    last_position: None,
                },
            },
            ahead: None,
            told: Instant::now(),
            ended: false,
            _room: room,
        }
    }

    /// The next line of the answer; none after the last.
    async fn next_line(&mut self) -> Option<Bytes> {
        if self.ended {
            self.lines.drain().await;
        }
        while !self.ended {
            let chunk = match self.ahead.take() {
                Some(chunk) => chunk,
                None => self.lines.next_chunk().await,
            };
            let recording = self.recorder.record(chunk.lines);
            let recorded = if chunk.end.is_some() {
                recording.await
            } else {
                let (recorded, ahead) = tokio::join!(recording, self.lines.next_chunk());
                self.ahead = Some(ahead);
                recorded
            };
            let summary = &self.recorder.summary;
            match recorded.map_or_else(|problem| Some(Err(problem)), |()| chunk.end) {
                None if self.told.elapsed() < PROGRESS_EVERY => {}
                None => {
                    self.told = Instant::now();
                    return Some(ndjson(&ImportProgress {
                        lines: chunk.last_line,
                        imported: summary.imported,
                        skipped: summary.skipped,
                    }));
                }
                Some(end) => {
                    self.ended = true;
                    return Some(match end {
                        Ok(()) => ndjson(summary),
                        Err(problem) => {
                            let problem = problem
                                .with("imported", summary.imported)
                                .with("skipped", summary.skipped);
                            ndjson(&problem)
                        }
                    });
                }
            }
        }
        None
    }
}

/// Records chunks, and counts.
struct Recorder {
    store: Store,
    summary: ImportSummary,
}

impl Recorder {
    async fn record(&mut self, lines: Vec<(u64, ImportLine)>) -> Result<(), Problem> {
        let Some(first) = lines.first().map(|(line, _)| *line) else {
            return Ok(());
        };
        let events = lines.iter().map(|(_, event)| event.clone()).collect();
        match try_chunk(&self.store, events).await {
            Ok(chunk) => self.add(&chunk),
            Err(error) if later(&error) => return Err(at_line(error, first)),
            // Something in it is refused. One by one the lines before it are kept, and it is found.
            Err(_) => {
                for (line, event) in lines {
                    match try_chunk(&self.store, vec![event]).await {
                        Ok(chunk) => self.add(&chunk),
                        Err(error) => return Err(at_line(error, line)),
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, chunk: &ImportChunk) {
        self.summary.imported += chunk.imported;
        self.summary.skipped += chunk.skipped;
        self.summary.first_position = self.summary.first_position.or(chunk.first_position);
        self.summary.last_position = chunk.last_position.or(self.summary.last_position);
    }
}

/// Tries again while the store says "later".
async fn try_chunk(store: &Store, events: Vec<ImportLine>) -> Result<ImportChunk, StoreError> {
    let mut pause = Duration::from_millis(50);
    for _ in 1..ATTEMPTS {
        match store.import(events.clone()).await {
            Err(error) if later(&error) => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause = (pause * 2).min(Duration::from_secs(1));
    }
    store.import(events).await
}

/// True when the same chunk may well be taken in a moment.
fn later(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Overloaded { .. } | StoreError::StreamBusy { .. } | StoreError::Unavailable(_)
    )
}

fn at_line(error: StoreError, line: u64) -> Problem {
    let ApiError(problem) = error.into();
    let detail = format!("Line {line}: {}", problem.detail);
    Problem { detail, ..problem }.with("line", line)
}

fn ndjson<T: Serialize>(value: &T) -> Bytes {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    Bytes::from(line)
}
