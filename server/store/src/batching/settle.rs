//! What became of a batch: each caller gets its own answer, and what met a busy stream waits for its next try.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use highwater_model::Position;

use super::{Sent, Task, signed};
use crate::appender::Request;
use crate::batch::{self, AllRecorded, Recorded, UnitRow, Verdict};
use crate::{AppendOutcome, StoreError, error, wake};

/// Batches that are looked at append by append after an id was used again: whoever sends things again sends more of them.
const CAREFUL_BATCHES: u32 = 32;
/// How soon an append to a busy stream is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

impl Task {
    /// Gives each caller of a batch its answer; says how many there were.
    pub(super) fn settle(&mut self, sent: Sent) -> usize {
        self.idle.extend(sent.connection);
        if sent.renewed {
            self.heads.forget();
        }
        if sent.met_key {
            self.careful = CAREFUL_BATCHES;
        }
        let answered = sent.parts.iter().map(|(requests, _)| requests.len()).sum();
        self.on_the_way = self.on_the_way.saturating_sub(answered);
        if sent.parts.iter().any(|(_, outcome)| outcome.is_ok()) {
            self.waiting.note(None);
        }
        for (requests, _) in &sent.parts {
            for request in requests {
                self.taken.release(&request.append);
            }
        }
        let mut left = signed(sent.events);
        for (requests, outcome) in sent.parts {
            match outcome {
                Ok(Recorded::All(all)) => {
                    self.heads.recorded(sent.seen, all.base, left);
                    left = 0;
                    self.settle_all(requests, &all);
                }
                Ok(Recorded::Each(rows)) => self.settle_each(requests, &rows),
                Err(error) => self.fail(requests, &error),
            }
        }
        if left > 0 {
            self.heads.lost(left);
        }
        answered
    }

    fn settle_all(&mut self, requests: Vec<Request>, all: &AllRecorded) {
        for (kind, type_id) in &all.types {
            self.heads.learn_type(kind, *type_id);
        }
        let waited = Waited::until_now();
        let mut next = all.base + 1;
        let mut streams = all.streams.as_slice();
        for request in requests {
            let append = &request.append;
            let (own, others) = streams.split_at(append.units.len().min(streams.len()));
            streams = others;
            for (unit, (stream_id, head)) in append.units.iter().zip(own) {
                let head = head + signed(unit.count);
                self.heads.learn(&unit.stream, *stream_id, head);
            }
            let outcome = batch::appended(append, next, own);
            next += signed(append.events.len());
            waited.note(&request);
            self.answer(request, Ok(outcome));
        }
        let recorded = next - all.base - 1;
        metrics::counter!("highwater_events_appended_total").increment(recorded.unsigned_abs());
        let end = Position(next - 1);
        wake::raise(&self.moved, end);
        self.appended.send_replace(end);
    }

    pub(super) fn answer(&self, request: Request, outcome: Result<AppendOutcome, StoreError>) {
        self.waiting
            .events
            .fetch_sub(request.append.events.len(), Ordering::Relaxed);
        self.waiting
            .bytes
            .fetch_sub(request.append.bytes, Ordering::Relaxed);
        // A caller that went away needs no answer.
        drop(request.reply.send(outcome));
    }

    fn fail(&self, batch: Vec<Request>, cause: &sqlx::Error) {
        tracing::error!(error = %cause, appends = batch.len(), "a batch was not recorded");
        if let sqlx::Error::Database(said) = cause
            && error::is_unwritable(cause)
        {
            self.waiting.note(Some(said.message().to_owned()));
        }
        for request in batch {
            let error = match cause {
                sqlx::Error::Database(database)
                    if matches!(
                        database.code().as_deref(),
                        Some("55P03" | "57014" | "40P01")
                    ) =>
                {
                    StoreError::Overloaded { retry_after_s: 2 }
                }
                // It goes away or does not let us in: no fault of the append, which its writer can send again.
                sqlx::Error::Database(database) if error::is_absence(cause) => {
                    StoreError::Unavailable(database.message().to_owned())
                }
                sqlx::Error::Database(database) if error::is_unwritable(cause) => {
                    StoreError::NotWritable(database.message().to_owned())
                }
                sqlx::Error::Database(database) => StoreError::Broken(format!(
                    "the database refused the append: {}",
                    database.message()
                )),
                other => StoreError::Unavailable(other.to_string()),
            };
            self.answer(request, Err(error));
        }
    }

    /// Puts aside what met a busy stream.
    fn settle_each(&mut self, batch: Vec<Request>, rows: &[UnitRow]) {
        let waited = Waited::until_now();
        let mut rows = rows.iter();
        let mut recorded = 0;
        let mut head = Position::ZERO;
        for mut request in batch {
            let units: Vec<&UnitRow> = rows.by_ref().take(request.append.units.len()).collect();
            match batch::verdict(&request.append, &units) {
                Verdict::Done(outcome) => {
                    if !outcome.duplicate {
                        recorded += request.append.events.len();
                    }
                    head = outcome
                        .appended
                        .iter()
                        .map(|appended| appended.last_position)
                        .max()
                        .unwrap_or(head)
                        .max(head);
                    waited.note(&request);
                    self.answer(request, Ok(outcome));
                }
                Verdict::Refused(error) => self.answer(request, Err(error)),
                Verdict::Busy(stream) => {
                    let now = Instant::now();
                    if now.duration_since(request.since) >= self.busy_wait {
                        self.answer(request, Err(StoreError::StreamBusy { stream }));
                    } else {
                        request.again = Some(now + BUSY_PAUSE);
                        self.ready.push_front(request);
                    }
                }
            }
        }
        metrics::counter!("highwater_events_appended_total").increment(recorded as u64);
        wake::raise(&self.moved, head);
    }
}

/// How long appends took from when they were handed in until they are answered: the histogram is looked up once for all of a batch.
struct Waited {
    until: Instant,
    seconds: metrics::Histogram,
}

impl Waited {
    fn until_now() -> Self {
        Self {
            until: Instant::now(),
            seconds: metrics::histogram!("highwater_append_seconds"),
        }
    }

    fn note(&self, request: &Request) {
        self.seconds
            .record(self.until.duration_since(request.since));
    }
}
