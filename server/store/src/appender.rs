//! The appender: one task that records whatever waits with one statement and one commit.
//!
//! It never lingers: a lone append is a batch of one. While a batch is being recorded and many more appends wait, a second one is sent
//! after it, so that the database has its next work at once. On their way there is one append to a stream (a second one waits) and one
//! use of an id; each caller gets its own answer.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use highwater_model::Position;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::batch::{self, AllRecorded, Known, Recorded, UnitRow, Verdict};
use crate::heads::Heads;
use crate::json_check::Prepared;
use crate::latency::Moving;
use crate::{AppendOutcome, StoreError, StoreOptions, Tasks, error, wake};

const BATCH_EVENTS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;
/// Batches on their way at most: one that the database works on, and one that it has next.
const BATCHES: usize = 2;
/// Connections at most: those of the batches, and two for imports.
const CONNECTIONS: u32 = 4;
/// Appends that must wait before a second batch is sent: each batch has a flush of its own, so small ones had better be one.
const SECOND_BATCH: usize = 64;
/// How soon a writer that was answered hands in its next append, if it does so at once.
const COMES_BACK: Duration = Duration::from_micros(30);
/// Batches that are looked at append by append after an id was used again: whoever sends things again sends more of them.
const CAREFUL_BATCHES: u32 = 32;
/// How often a batch is sent again when its connection breaks: a fail-over or an administrator may end several in a row.
const AGAIN: u32 = 4;
/// How long it waits before that, longer each time.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// How soon an append to a busy stream is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Where appends are handed in.
pub(crate) struct Appender {
    queue: mpsc::UnboundedSender<Request>,
    waiting: Arc<Waiting>,
    max_events: usize,
    max_bytes: usize,
    pool: PgPool,
    moved: watch::Sender<Position>,
    busy_wait: Duration,
    latency: Arc<Moving>,
}

/// What waits and what is being recorded. The channel is unbounded, these bound it: events and bytes count, not requests.
#[derive(Default)]
struct Waiting {
    events: AtomicUsize,
    bytes: AtomicUsize,
}

struct Request {
    append: Prepared,
    since: Instant,
    /// Set once its stream was found busy: when to try again.
    again: Option<Instant>,
    reply: oneshot::Sender<Result<AppendOutcome, StoreError>>,
}

impl Appender {
    /// Connects and starts the task.
    pub(crate) async fn start(
        connect: &PgConnectOptions,
        options: &StoreOptions,
        own: wake::Backends,
        moved: watch::Sender<Position>,
        tasks: &Tasks,
    ) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let own = own.clone();
                Box::pin(async move {
                    let process_id: i32 = sqlx::query_scalar("select pg_backend_pid()")
                        .fetch_one(&mut *connection)
                        .await?;
                    own.add(process_id.unsigned_abs());
                    // An answered append must be on disk: a laxer default is overruled, a stricter one (remote_apply) is not.
                    sqlx::query("select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') in ('off', 'local')")
                        .execute(&mut *connection)
                        .await?;
                    Ok(())
                })
            })
            .connect_with(connect.clone().options([("lock_timeout", "5s"), ("statement_timeout", "60s")]))
            .await?;
        // Opened now: on a busy machine opening one takes seconds, which is no time to find out that a second batch is due.
        let mut idle = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            idle.push(pool.acquire().await?);
        }
        let (queue, queued) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let latency = Arc::new(Moving::default());
        let task = Task {
            queued,
            ready: VecDeque::new(),
            pool: pool.clone(),
            moved: moved.clone(),
            waiting: Arc::clone(&waiting),
            latency: Arc::clone(&latency),
            age: options.queue_age,
            busy_wait: options.busy_wait,
            heads: Heads::default(),
            careful: 0,
            idle,
            sent: FuturesUnordered::new(),
            on_the_way: 0,
            taken: Taken::default(),
        };
        let token = tasks.token();
        tasks.spawn("append", task.run(token));
        Ok(Self {
            queue,
            waiting,
            max_events: options.queue_events,
            max_bytes: options.queue_bytes,
            pool,
            moved,
            busy_wait: options.busy_wait,
            latency,
        })
    }

    /// Queues an append and waits for its answer. A caller that stops waiting does not undo it.
    pub(crate) async fn append(&self, append: Prepared) -> Result<AppendOutcome, StoreError> {
        let (events, bytes) = (append.events.len(), append.bytes);
        let full = self.waiting.events.load(Ordering::Relaxed) + events
            > self.max_events.max(events)
            || self.waiting.bytes.load(Ordering::Relaxed) + bytes > self.max_bytes.max(bytes);
        if full {
            metrics::counter!("highwater_appends_refused_total", "reason" => "overloaded")
                .increment(1);
            return Err(StoreError::Overloaded { retry_after_s: 1 });
        }
        self.waiting.events.fetch_add(events, Ordering::Relaxed);
        self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let shutting_down = || StoreError::Unavailable("this server is shutting down".to_owned());
        self.queue
            .send(Request {
                append,
                since: Instant::now(),
                again: None,
                reply,
            })
            .map_err(|_| shutting_down())?;
        answer.await.map_err(|_| shutting_down())?
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) fn busy_wait(&self) -> Duration {
        self.busy_wait
    }

    pub(crate) fn latency(&self) -> &Moving {
        &self.latency
    }

    pub(crate) fn raise(&self, position: Position) {
        wake::raise(&self.moved, position);
    }
}

struct Task {
    queued: mpsc::UnboundedReceiver<Request>,
    ready: VecDeque<Request>,
    pool: PgPool,
    moved: watch::Sender<Position>,
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
    async fn run(mut self, token: tokio_util::sync::CancellationToken) {
        loop {
            while let Ok(request) = self.queued.try_recv() {
                self.ready.push_back(request);
            }
            let room = self.sent.is_empty()
                || (self.sent.len() < BATCHES
                    && self.ready.len() >= self.on_the_way.max(SECOND_BATCH));
            if room {
                let batch = self.next_batch();
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

    /// Takes what can go together, in order.
    fn next_batch(&mut self) -> Vec<Request> {
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
            if events >= BATCH_EVENTS || bytes >= BATCH_BYTES {
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
        self.sent.push(Box::pin(async move {
            let started = Instant::now();
            let seen = known.seen;
            let (parts, met_key) = record(&mut link, batch, &known, all_new).await;
            let took = started.elapsed();
            latency.add(started + took, took);
            metrics::histogram!("highwater_append_batch_seconds").record(took.as_secs_f64());
            Sent {
                seen,
                events,
                parts,
                met_key,
                connection: link.open,
                renewed: link.renewed,
            }
        }));
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
            self.answer(request, Ok(outcome));
        }
        let recorded = next - all.base - 1;
        metrics::counter!("highwater_events_appended_total").increment(recorded.unsigned_abs());
        wake::raise(&self.moved, Position(next - 1));
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

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn appends(batch: &[Request]) -> Vec<&Prepared> {
    batch.iter().map(|request| &request.append).collect()
}

/// The connection that a batch goes through; a new one after it broke.
struct Link {
    pool: PgPool,
    open: Option<PoolConnection<Postgres>>,
    renewed: bool,
}

impl Link {
    async fn all(
        &mut self,
        appends: &[&Prepared],
        known: &Known,
    ) -> Result<Option<AllRecorded>, sqlx::Error> {
        let mut connection = self.take().await?;
        let outcome = batch::record_all(&mut connection, appends, known).await;
        self.put_back(connection, outcome.as_ref().err());
        outcome
    }

    async fn each(
        &mut self,
        appends: &[&Prepared],
        look_up_all: bool,
    ) -> Result<Vec<UnitRow>, sqlx::Error> {
        let mut connection = self.take().await?;
        let outcome = batch::record_each(&mut connection, appends, look_up_all).await;
        self.put_back(connection, outcome.as_ref().err());
        outcome
    }

    async fn take(&mut self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        if let Some(connection) = self.open.take() {
            return Ok(connection);
        }
        self.renewed = true;
        self.pool.acquire().await
    }

    fn put_back(&mut self, connection: PoolConnection<Postgres>, error: Option<&sqlx::Error>) {
        // Dropped, it goes to the pool, which finds out whether it lives.
        self.open = (!error.is_some_and(batch::is_connection)).then_some(connection);
    }
}

/// Records a batch, as a whole if it can be; tells as well whether a key refused it.
async fn record(
    link: &mut Link,
    batch: Vec<Request>,
    known: &Known,
    all_new: bool,
) -> (Vec<(Vec<Request>, Result<Recorded, sqlx::Error>)>, bool) {
    let mut met_key = false;
    let mut broken = false;
    if all_new {
        match link.all(&appends(&batch), known).await {
            Ok(Some(all)) => return (vec![(batch, Ok(Recorded::All(all)))], false),
            Ok(None) => {}
            Err(error) if batch::is_key(&error) => met_key = true,
            Err(error) if batch::is_connection(&error) => broken = told(&error),
            Err(error) if batch::is_data(&error) => {}
            Err(error) => return (vec![(batch, Err(error))], false),
        }
    }
    let mut outcome = link.each(&appends(&batch), broken).await;
    for again in 1..=AGAIN {
        match &outcome {
            Err(error) if batch::is_connection(error) => broken = told(error),
            _ => break,
        }
        tokio::time::sleep(AGAIN_PAUSE * again).await;
        outcome = link.each(&appends(&batch), broken).await;
    }
    match outcome {
        // The data of one append is refused by the database: the others must not suffer for it.
        Err(error) if batch.len() > 1 && batch::is_data(&error) => {
            let mut parts = Vec::with_capacity(batch.len());
            for request in batch {
                let rows = link.each(&[&request.append], true).await;
                parts.push((vec![request], rows.map(Recorded::Each)));
            }
            (parts, met_key)
        }
        outcome => (vec![(batch, outcome.map(Recorded::Each))], met_key),
    }
}

/// Whether a batch was committed when its connection broke is not known. Ids decide: all of them are looked up the next time, under the
/// log's lock; and if the old session lives on and records after that, the key on ids refuses it.
fn told(error: &sqlx::Error) -> bool {
    tracing::warn!(%error, "the connection broke during a batch; trying it again");
    true
}
