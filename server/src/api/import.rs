//! Import: `POST /api/import`, NDJSON in, NDJSON out.

use std::io;
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, MapErr};
use futures_util::{StreamExt, TryStreamExt};
use highwater_model::{ImportLine, ImportProgress, ImportSummary, Problem};
use highwater_store::{ImportChunk, Store, StoreError};
use serde::Serialize;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::problem::{ApiError, bad_json};
use crate::state::AppState;

/// Lines that are committed together: enough to amortise the commit, few enough that little is done twice after a break.
const CHUNK_LINES: usize = 1_000;
/// Bytes that are committed together, so that a chunk of large events stays small.
const CHUNK_BYTES: usize = 4 << 20;
/// Progress is for eyes; more often would only fill the buffers of a client that reads the answer last.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// How long the rest of a body is taken, and thrown away, after a line stopped the import. A connection that is closed with bytes
/// unread is reset, and the client would never see why.
const DRAIN: Duration = Duration::from_secs(10);
/// How often a chunk is tried when the store says "later".
const ATTEMPTS: u32 = 8;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

/// Imports NDJSON, a line an event with its `stream`, in order, any size. Answers progress lines and a last line: a summary, or the
/// problem that stopped it, with the line's number. Sent again it imports nothing twice.
#[utoipa::path(post, path = "/api/import", tag = "append",
    request_body(content = ImportLine, content_type = "application/x-ndjson"),
    responses((status = 200, description = "Progress lines, then a summary or a problem", body = ImportSummary, content_type = "application/x-ndjson")))]
async fn import(State(state): State<AppState>, request: Request) -> Response {
    let run = Import::new(state.store, request.into_body());
    let lines = stream::unfold(run, |mut run| async move {
        let line = run.next_line().await?;
        Some((Ok::<_, io::Error>(line), run))
    });
    (
        [(header::CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(lines),
    )
        .into_response()
}

type Reader = StreamReader<MapErr<BodyDataStream, fn(axum::Error) -> io::Error>, Bytes>;

struct Import {
    store: Store,
    lines: FramedRead<Reader, LinesCodec>,
    line: u64,
    summary: ImportSummary,
    told: Instant,
    ended: bool,
}

/// Lines that were read, and why no more were.
struct Chunk {
    lines: Vec<(u64, ImportLine)>,
    end: Option<Result<(), Problem>>,
}

impl Import {
    fn new(store: Store, body: Body) -> Self {
        let limits = *store.limits();
        // A line is an event and its frame; JSON may write a byte as six.
        let longest = limits
            .event_bytes
            .saturating_mul(6)
            .saturating_add(64 << 10);
        let to_io: fn(axum::Error) -> io::Error = io::Error::other;
        let reader = StreamReader::new(body.into_data_stream().map_err(to_io));
        Self {
            store,
            lines: FramedRead::new(reader, LinesCodec::new_with_max_length(longest)),
            line: 0,
            summary: ImportSummary {
                imported: 0,
                skipped: 0,
                first_position: None,
                last_position: None,
            },
            told: Instant::now(),
            ended: false,
        }
    }

    /// The next line of the answer; none after the last.
    async fn next_line(&mut self) -> Option<Bytes> {
        if self.ended {
            self.drain().await;
        }
        while !self.ended {
            let chunk = self.read_chunk().await;
            let stored = self.store_chunk(chunk.lines).await;
            let end = stored.map_or_else(|problem| Some(Err(problem)), |()| chunk.end);
            match end {
                None if self.told.elapsed() < PROGRESS_EVERY => {}
                None => {
                    self.told = Instant::now();
                    return Some(ndjson(&ImportProgress {
                        lines: self.line,
                        imported: self.summary.imported,
                        skipped: self.summary.skipped,
                    }));
                }
                Some(end) => {
                    self.ended = true;
                    return Some(match end {
                        Ok(()) => ndjson(&self.summary),
                        Err(problem) => {
                            let problem = problem
                                .with("imported", self.summary.imported)
                                .with("skipped", self.summary.skipped);
                            ndjson(&problem)
                        }
                    });
                }
            }
        }
        None
    }

    /// Reads what the client still sends; it has the answer already, but it may look at it only when it is done.
    async fn drain(&mut self) {
        let mut nowhere = tokio::io::sink();
        let rest = tokio::io::copy(self.lines.get_mut(), &mut nowhere);
        let _: Result<_, _> = tokio::time::timeout(DRAIN, rest).await;
    }

    async fn read_chunk(&mut self) -> Chunk {
        let mut lines = Vec::new();
        let mut bytes = 0;
        while lines.len() < CHUNK_LINES && bytes < CHUNK_BYTES {
            let text = match self.lines.next().await {
                None => {
                    return Chunk {
                        lines,
                        end: Some(Ok(())),
                    };
                }
                Some(Ok(text)) => text,
                Some(Err(error)) => {
                    let problem = unreadable(&error).with("line", self.line + 1);
                    return Chunk {
                        lines,
                        end: Some(Err(problem)),
                    };
                }
            };
            self.line += 1;
            if text.trim().is_empty() {
                continue;
            }
            bytes += text.len();
            match serde_json::from_str::<ImportLine>(&text) {
                Ok(mut event) => {
                    // Also for a line without one: a chunk whose answer got lost is sent to the database again.
                    let ids = self.store.ids();
                    event.id.get_or_insert_with(|| ids.event_id());
                    lines.push((self.line, event));
                }
                Err(error) => {
                    let problem = bad_json(&error);
                    let detail = format!("Line {}: {}", self.line, problem.detail);
                    return Chunk {
                        lines,
                        end: Some(Err(Problem { detail, ..problem }.with("line", self.line))),
                    };
                }
            }
        }
        Chunk { lines, end: None }
    }

    async fn store_chunk(&mut self, lines: Vec<(u64, ImportLine)>) -> Result<(), Problem> {
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

fn unreadable(error: &LinesCodecError) -> Problem {
    match error {
        LinesCodecError::MaxLineLengthExceeded => Problem::new(
            413,
            "line_too_long",
            "A line is too long",
            "A line is longer than any event may be; is this NDJSON, one event a line?",
        ),
        LinesCodecError::Io(error) => Problem::new(
            400,
            "bad_body",
            "The body could not be read",
            format!("{error}; send NDJSON in UTF-8."),
        ),
    }
}

fn ndjson<T: Serialize>(value: &T) -> Bytes {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    Bytes::from(line)
}
