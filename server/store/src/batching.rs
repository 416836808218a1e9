//! Which appends are recorded together, and what became of them.
//!
//! One task records whatever waits with one statement and one commit. It never lingers: a lone append is a batch of one. While a batch is
//! being recorded and many more appends wait, a second one is sent after it, so that the database has its next work at once; very many
//! are halved for that. On their way there is one append to a stream (a second one waits) and one use of an id; each caller gets its
//! own answer.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use highwater_model::Position;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use tokio::sync::{mpsc, watch};
use tracing::Instrument;
use uuid::Uuid;

use crate::appender::{Request, Waiting};
use crate::batch::{self, AllRecorded, Known, Recorded, UnitRow, Verdict};
use crate::heads::Heads;
use crate::json_check::Prepared;
use crate::latency::Moving;
use crate::link::{Link, record};
use crate::{AppendOutcome, StoreError, StoreOptions, error, traced, wake};

const BATCH_EVENTS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;
/// Batches on their way at most: one that the database works on, and one that it has next.
pub(crate) const BATCHES: usize = 2;
/// Appends that must wait before a second batch is sent: each batch has a flush of its own, so small ones had better be one.
const SECOND_BATCH: usize = 32;
/// Appends that go as two batches instead of one: while the database has the one, writers of the other get their answers and hand in
/// their next. With 256 writers on two cores that is a sixth to a third more events a second; with 32 it gains nothing.
const HALVED: usize = 2 * SECOND_BATCH;
/// How soon a writer that was answered hands in its next append, if it does so at once.
const COMES_BACK: Duration = Duration::from_micros(30);
/// Batches that are looked at append by append after an id was used again: whoever sends things again sends more of them.
const CAREFUL_BATCHES: u32 = 32;
/// How soon an append to a busy stream is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// What the task gets from the appender.
pub(crate) struct Around {
    pub(crate) queued: mpsc::UnboundedReceiver<Request>,
    pub(crate) idle: Vec<PoolConnection<Postgres>>,
    pub(crate) pool: PgPool,
    pub(crate) moved: watch::Sender<Position>,
    /// Where the log ends after what it has appended: for who tells others of it, and who counts it.
    pub(crate) appended: watch::Sender<Position>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) latency: Arc<Moving>,
}

/// What records appends.
pub(crate) struct Task {
    queued: mpsc::UnboundedReceiver<Request>,
    ready: VecDeque<Request>,
    pool: PgPool,
    moved: watch::Sender<Position>,
    appended: watch::Sender<Position>,
    waiting: Arc<Waiting>,
    latency: Arc<Moving>,
    age: Duration,
    busy_wait: Duration,
    heads: Heads,
    /// Batches yet to be looked at append by append.
    careful: u32,
    /// Connections that no batch is using. Kept, not given back each time: the pool asks a connection whether it lives when it comes back.
    idle: Vec<PoolConnection<Postgres>>,
    /// Polled here, not in tasks of their own: that would be two more hand-overs a batch.
    sent: FuturesUnordered<BoxFuture<'static, Sent>>,
    /// Appends in batches that are not settled.
    on_the_way: usize,
    taken: Taken,
}

/// Streams and ids of the batches on their way. Streams by their hash: two that share one only wait for each other.
#[derive(Default)]
struct Taken {
    hasher: RandomState,
    streams: HashSet<u64>,
    ids: HashSet<Uuid>,
}

impl Taken {
    fn streams(&self, append: &Prepared) -> Vec<u64> {
        append
            .units
            .iter()
            .map(|unit| self.hasher.hash_one(&unit.stream))
            .collect()
    }

    fn release(&mut self, append: &Prepared) {
        for stream in self.streams(append) {
            self.streams.remove(&stream);
        }
        for event in &append.events {
            self.ids.remove(&event.id);
        }
    }
}

/// A batch that is settled by the database.
struct Sent {
    /// The end of the log that it was sent with.
    seen: i64,
    events: usize,
    /// One, unless an append that the database refuses had to be told from the others.
    parts: Vec<(Vec<Request>, Result<Recorded, sqlx::Error>)>,
    /// An id was used again.
    met_key: bool,
    /// What it was sent through, if that is still whole.
    connection: Option<PoolConnection<Postgres>>,
    /// That one was opened on the way.
    renewed: bool,
}

impl Task {
    pub(crate) fn new(around: Around, options: &StoreOptions) -> Self {
        Self {
            queued: around.queued,
            ready: VecDeque::new(),
            pool: around.pool,
            moved: around.moved,
            appended: around.appended,
            waiting: around.waiting,
            latency: around.latency,
            age: options.queue_age,
            busy_wait: options.busy_wait,
            heads: Heads::default(),
            careful: 0,
            idle: around.idle,
            sent: FuturesUnordered::new(),
            on_the_way: 0,
            taken: Taken::default(),
        }
    }

    /// Ends when nothing more is handed in.
    pub(crate) async fn run(mut self, token: tokio_util::sync::CancellationToken) {
        loop {
            while let Ok(request) = self.queued.try_recv() {
                self.ready.push_back(request);
            }
            let room = self.sent.is_empty()
                || (self.sent.len() < BATCHES
                    && self.ready.len() >= self.on_the_way.max(SECOND_BATCH));
            if room {
                let batch = self.next_batch(self.share());
                if !batch.is_empty() {
                    self.send(batch);
                    continue;
                }
            }
            let again = self.ready.iter().filter_map(|request| request.again).min();
            tokio::select! {
                biased;
                Some(sent) = self.sent.next() => {
                    let answered = self.settle(sent);
                    self.gather(answered).await;
                }
                request = self.queued.recv(), if !(self.queued.is_closed() && self.queued.is_empty()) => if let Some(request) = request {
                    self.ready.push_back(request);
                },
                () = async { tokio::time::sleep_until(again.unwrap_or_else(Instant::now).into()).await }, if again.is_some() && self.sent.is_empty() => {}
                // Everything that was handed in before is still recorded.
                () = token.cancelled(), if !self.queued.is_closed() => self.queued.close(),
                // Closed and empty: what is left waits for a busy stream, and its callers are told.
                else => return,
            }
        }
    }

    /// Appends that the next batch takes at most.
    fn share(&self) -> usize {
        if self.sent.is_empty() && self.ready.len() >= HALVED {
            self.ready.len().div_ceil(2)
        } else {
            usize::MAX
        }
    }

    /// Lets those who were just answered hand in their next append before a batch is taken: else writers that wait for their answers
    /// fall into groups, and each commit carries a part of what it could. It ends as soon as nobody comes; a lone writer never waits.
    async fn gather(&mut self, answered: usize) {
        let enough = self.ready.len() + answered;
        let mut last = Instant::now();
        while self.ready.len() < enough && last.elapsed() < COMES_BACK {
            match self.queued.try_recv() {
                Ok(request) => {
                    self.ready.push_back(request);
                    last = Instant::now();
                }
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Takes what can go together, in order; so many appends at most.
    fn next_batch(&mut self, most: usize) -> Vec<Request> {
        let now = Instant::now();
        let (mut batch, mut later) = (Vec::new(), VecDeque::new());
        let (mut events, mut bytes) = (0, 0);
        // What goes and what waits keep their streams from those behind them, so that appends to a stream stay in order.
        let mut kept: HashSet<u64> = HashSet::new();
        let mut kept_ids: HashSet<Uuid> = HashSet::new();
        while let Some(request) = self.ready.pop_front() {
            if request.again.is_none() && now.duration_since(request.since) > self.age {
                metrics::counter!("highwater_appends_refused_total", "reason" => "too_old")
                    .increment(1);
                self.answer(request, Err(StoreError::Overloaded { retry_after_s: 1 }));
                continue;
            }
            let append = &request.append;
            let streams = self.taken.streams(append);
            let given = || append.events.iter().filter(|event| event.given);
            let resting = request.again.is_some_and(|again| again > now);
            let fits = batch.is_empty()
                || (events + append.events.len() <= BATCH_EVENTS
                    && bytes + append.bytes <= BATCH_BYTES);
            let free = streams
                .iter()
                .all(|stream| !kept.contains(stream) && !self.taken.streams.contains(stream))
                && given().all(|event| {
                    !kept_ids.contains(&event.id) && !self.taken.ids.contains(&event.id)
                });
            kept.extend(streams);
            kept_ids.extend(given().map(|event| event.id));
            if !resting && fits && free {
                events += append.events.len();
                bytes += append.bytes;
                batch.push(request);
            } else {
                later.push_back(request);
            }
            if events >= BATCH_EVENTS || bytes >= BATCH_BYTES || batch.len() >= most {
                break;
            }
        }
        later.append(&mut self.ready);
        self.ready = later;
        batch
    }

    /// Sends a batch on its way.
    fn send(&mut self, batch: Vec<Request>) {
        for request in &batch {
            let streams = self.taken.streams(&request.append);
            self.taken.streams.extend(streams);
            let given = request.append.events.iter().filter(|event| event.given);
            self.taken.ids.extend(given.map(|event| event.id));
        }
        let open = self.idle.pop();
        // A new session is about to be opened; one that is opened after this one broke is told by `renewed`.
        if open.is_none() {
            self.heads.forget();
        }
        let known = Known::of(batch.iter().map(|request| &request.append), &self.heads);
        let events = batch
            .iter()
            .map(|request| request.append.events.len())
            .sum();
        self.heads.sent(signed(events));
        self.on_the_way += batch.len();
        let all_new = known.fits && self.careful == 0;
        self.careful = self.careful.saturating_sub(1);
        let mut link = Link {
            pool: self.pool.clone(),
            open,
            renewed: false,
        };
        let latency = Arc::clone(&self.latency);
        let span = traced::batch(batch.iter().map(|request| &request.span), events);
        let recording = async move {
            let started = Instant::now();
            let seen = known.seen;
            let (parts, met_key) = record(&mut link, batch, &known, all_new).await;
            let took = started.elapsed();
            latency.add(started + took, took, events);
            metrics::histogram!("highwater_append_batch_seconds").record(took.as_secs_f64());
            metrics::histogram!("highwater_append_batch_events")
                .record(u32::try_from(events).unwrap_or(u32::MAX));
            Sent {
                seen,
                events,
                parts,
                met_key,
                connection: link.open,
                renewed: link.renewed,
            }
        };
        self.sent.push(Box::pin(recording.instrument(span)));
    }

    /// Gives each caller of a batch its answer; says how many there were.
    fn settle(&mut self, sent: Sent) -> usize {
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

    fn answer(&self, request: Request, outcome: Result<AppendOutcome, StoreError>) {
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

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
