//! Reading the body of an import: NDJSON, a chunk at a time.

use std::io;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::stream::MapErr;
use futures_util::{StreamExt, TryStreamExt};
use highwater_model::{ImportLine, Limits, Problem};
use highwater_store::Ids;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;

use super::problem::bad_json;
use crate::limits::{body_stopped, has_stopped};

/// Lines that are committed together: enough to amortise the commit, few enough that little is done twice after a break.
const CHUNK_LINES: usize = 1_000;
/// Bytes that are committed together, so that a chunk of large events stays small.
const CHUNK_BYTES: usize = 4 << 20;
/// How long the rest of a body is taken, and thrown away, after a line stopped the import. A connection that is closed with bytes
/// unread is reset, and the client would never see why.
const DRAIN: Duration = Duration::from_secs(10);

type Reader = StreamReader<MapErr<BodyDataStream, fn(axum::Error) -> io::Error>, Bytes>;

/// The lines of a body.
pub(super) struct ImportLines {
    lines: FramedRead<Reader, LinesCodec>,
    line: u64,
    ids: Ids,
}

/// Lines that were read, and why no more were.
pub(super) struct Chunk {
    pub(super) lines: Vec<(u64, ImportLine)>,
    /// How many lines were read so far.
    pub(super) last_line: u64,
    pub(super) end: Option<Result<(), Problem>>,
}

impl ImportLines {
    pub(super) fn new(body: Body, limits: &Limits, ids: Ids) -> Self {
        // A line is an event and its frame; JSON may write a byte as six.
        let longest = limits
            .event_bytes
            .saturating_mul(6)
            .saturating_add(64 << 10);
        let to_io: fn(axum::Error) -> io::Error = io::Error::other;
        let reader = StreamReader::new(body.into_data_stream().map_err(to_io));
        Self {
            lines: FramedRead::new(reader, LinesCodec::new_with_max_length(longest)),
            line: 0,
            ids,
        }
    }

    /// The next chunk; the one that has an end is the last.
    pub(super) async fn next_chunk(&mut self) -> Chunk {
        let mut lines = Vec::new();
        let mut bytes = 0;
        let mut end = None;
        while end.is_none() && lines.len() < CHUNK_LINES && bytes < CHUNK_BYTES {
            match self.next_line().await {
                Ok(None) => end = Some(Ok(())),
                Ok(Some((event, length))) => {
                    bytes += length;
                    lines.push((self.line, event));
                }
                Err(problem) => end = Some(Err(problem)),
            }
        }
        Chunk {
            lines,
            last_line: self.line,
            end,
        }
    }

    /// The next event and the bytes of its line.
    async fn next_line(&mut self) -> Result<Option<(ImportLine, usize)>, Problem> {
        while let Some(text) = self.lines.next().await {
            self.line += 1;
            let text = text.map_err(|error| unreadable(&error).with("line", self.line))?;
            if text.trim().is_empty() {
                continue;
            }
            let mut event: ImportLine = serde_json::from_str(&text).map_err(|error| {
                let problem = bad_json(&error);
                let detail = format!("Line {}: {}", self.line, problem.detail);
                Problem { detail, ..problem }.with("line", self.line)
            })?;
            // Also for a line without one: a chunk whose answer got lost is sent to the database again.
            event.id.get_or_insert_with(|| self.ids.event_id());
            return Ok(Some((event, text.len())));
        }
        Ok(None)
    }

    /// Reads what the client still sends; it has the answer already, but it may look at it only when it is done.
    pub(super) async fn drain(&mut self) {
        let mut nowhere = tokio::io::sink();
        let rest = tokio::io::copy(self.lines.get_mut(), &mut nowhere);
        let _: Result<_, _> = tokio::time::timeout(DRAIN, rest).await;
    }
}

fn unreadable(error: &LinesCodecError) -> Problem {
    match error {
        LinesCodecError::MaxLineLengthExceeded => Problem::new(
            413,
            "line_too_long",
            "A line is too long",
            "A line is longer than any event may be; is this NDJSON, one event a line?",
        ),
        LinesCodecError::Io(error) if has_stopped(error) => body_stopped(),
        LinesCodecError::Io(error) => Problem::new(
            400,
            "bad_body",
            "The body could not be read",
            format!("{error}; send NDJSON in UTF-8."),
        ),
    }
}
