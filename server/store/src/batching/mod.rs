//! Which appends are recorded together, and what became of them.
//!
//! One task records whatever waits with one statement and one commit. It never lingers: a lone append is a batch of one. While a batch is
//! being recorded and many more appends wait, a second one is sent after it, so that the database has its next work at once; very many
//! are halved for that. On their way there is one append to a stream (a second one waits) and one use of an id; each caller gets its
//! own answer.

mod choose;
mod settle;

use std::collections::VecDeque;
use std::sync::Arc;
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

use crate::appender::{Request, Waiting};
use crate::batch::{Known, Recorded};
use crate::heads::Heads;
use crate::latency::Moving;
use crate::link::{Link, record};
use crate::{StoreOptions, traced};

use choose::Taken;

/// Batches on their way at most: one that the database works on, and one that it has next.
pub(crate) const BATCHES: usize = 2;
/// Appends that must wait before a second batch is sent: each batch has a flush of its own, so small ones had better be one.
const SECOND_BATCH: usize = 32;
/// Appends that go as two batches instead of one: while the database has the one, writers of the other get their answers and hand in
/// their next. With 256 writers on two cores that is a sixth to a third more events a second; with 32 it gains nothing.
const HALVED: usize = 2 * SECOND_BATCH;
/// How soon a writer that was answered hands in its next append, if it does so at once.
const COMES_BACK: Duration = Duration::from_micros(30);

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
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
