//! The appender: one task that records whatever waits with one statement and one commit.
//!
//! It never lingers: a lone append is a batch of one. In a batch there is one append to a stream (a second one waits for the next
//! batch) and one use of an id; each caller gets its own answer.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use highwater_model::{Appended, ExpectedVersion, Position, StreamName, Version};
use jiff_sqlx::ToSqlx;
use serde_json::value::RawValue;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::types::Json;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::json_check::{Prepared, PreparedEvent};
use crate::{AppendOutcome, StoreError, StoreOptions, Tasks, wake};

const BATCH_EVENTS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;
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
            .min_connections(1)
            .max_connections(2)
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
        let (queue, queued) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let task = Task {
            queued,
            ready: VecDeque::new(),
            pool: pool.clone(),
            moved: moved.clone(),
            waiting: Arc::clone(&waiting),
            age: options.queue_age,
            busy_wait: options.busy_wait,
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
    age: Duration,
    busy_wait: Duration,
}

impl Task {
    async fn run(mut self, token: tokio_util::sync::CancellationToken) {
        loop {
            let batch = self.next_batch();
            if !batch.is_empty() {
                self.record(batch).await;
                // Those who were answered may hand in their next append before the next batch is taken: else writers that wait for
                // their answers fall into two groups, and each commit carries half of what it could. Costs a lone writer nothing.
                tokio::task::yield_now().await;
                continue;
            }
            let again = self.ready.iter().filter_map(|request| request.again).min();
            tokio::select! {
                biased;
                request = self.queued.recv() => match request {
                    Some(request) => self.ready.push_back(request),
                    // Closed and empty: what is left waits for a busy stream, and its callers are told.
                    None => return,
                },
                () = async { tokio::time::sleep_until(again.unwrap_or_else(Instant::now).into()).await }, if again.is_some() => {}
                // Everything that was handed in before is still recorded.
                () = token.cancelled(), if !self.queued.is_closed() => self.queued.close(),
            }
        }
    }

    /// Takes what can go together, in order.
    fn next_batch(&mut self) -> Vec<Request> {
        while let Ok(request) = self.queued.try_recv() {
            self.ready.push_back(request);
        }
        let now = Instant::now();
        let (mut batch, mut later) = (Vec::new(), VecDeque::new());
        let (mut events, mut bytes) = (0, 0);
        let mut streams: HashSet<StreamName> = HashSet::new();
        let mut ids: HashSet<Uuid> = HashSet::new();
        while let Some(request) = self.ready.pop_front() {
            if request.again.is_none() && now.duration_since(request.since) > self.age {
                metrics::counter!("highwater_appends_refused_total", "reason" => "too_old")
                    .increment(1);
                self.answer(request, Err(StoreError::Overloaded { retry_after_s: 1 }));
                continue;
            }
            let append = &request.append;
            let resting = request.again.is_some_and(|again| again > now);
            let fits = batch.is_empty()
                || (events + append.events.len() <= BATCH_EVENTS
                    && bytes + append.bytes <= BATCH_BYTES);
            let free = append
                .units
                .iter()
                .all(|unit| !streams.contains(&unit.stream))
                && append
                    .events
                    .iter()
                    .all(|event| !event.given || !ids.contains(&event.id));
            // One that waits keeps its streams from those behind it, so that appends to a stream stay in order.
            streams.extend(append.units.iter().map(|unit| unit.stream.clone()));
            ids.extend(
                append
                    .events
                    .iter()
                    .filter(|event| event.given)
                    .map(|event| event.id),
            );
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

    async fn record(&mut self, batch: Vec<Request>) {
        let started = Instant::now();
        let outcome = match send(&self.pool, &batch, false).await {
            // Whether it was committed is not known. Ids decide: all of them are looked up this time.
            Err(error) if is_connection(&error) => {
                tracing::warn!(%error, "the connection broke during a batch; trying it again");
                send(&self.pool, &batch, true).await
            }
            outcome => outcome,
        };
        metrics::histogram!("highwater_append_batch_seconds")
            .record(started.elapsed().as_secs_f64());
        match outcome {
            Ok(rows) => self.settle(batch, &rows),
            // The data of one append is refused by the database: the others must not suffer for it.
            Err(error) if batch.len() > 1 && is_data(&error) => {
                for request in batch {
                    let alone = vec![request];
                    match send(&self.pool, &alone, true).await {
                        Ok(rows) => self.settle(alone, &rows),
                        Err(error) => self.fail(alone, &error),
                    }
                }
            }
            Err(error) => self.fail(batch, &error),
        }
    }

    fn fail(&self, batch: Vec<Request>, error: &sqlx::Error) {
        tracing::error!(%error, appends = batch.len(), "a batch was not recorded");
        for request in batch {
            let error = match error {
                sqlx::Error::Database(database)
                    if matches!(
                        database.code().as_deref(),
                        Some("55P03" | "57014" | "40P01")
                    ) =>
                {
                    StoreError::Overloaded { retry_after_s: 2 }
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

    /// Gives each caller its answer; puts aside what met a busy stream.
    fn settle(&mut self, batch: Vec<Request>, rows: &[UnitRow]) {
        let mut rows = rows.iter();
        let mut recorded = 0;
        let mut head = Position::ZERO;
        for mut request in batch {
            let units: Vec<&UnitRow> = rows.by_ref().take(request.append.units.len()).collect();
            match verdict(&request.append, &units) {
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

/// The database's answer to one unit: outcome, actual version, first version, first and last position, id.
type UnitRow = (
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<Uuid>,
);

enum Verdict {
    Done(AppendOutcome),
    Refused(StoreError),
    Busy(StreamName),
}

fn verdict(append: &Prepared, rows: &[&UnitRow]) -> Verdict {
    let mut appended = Vec::with_capacity(rows.len());
    let mut duplicate = true;
    for (unit, (outcome, actual, first_version, first_position, last_position, id)) in
        append.units.iter().zip(rows)
    {
        match (
            outcome.as_str(),
            first_version,
            first_position,
            last_position,
        ) {
            ("recorded" | "duplicate", Some(version), Some(first), Some(last)) => {
                duplicate &= outcome == "duplicate";
                let count = i64::try_from(unit.count).unwrap_or(i64::MAX);
                appended.push(Appended {
                    stream: unit.stream.clone(),
                    first_version: Version(*version),
                    last_version: Version(version + count - 1),
                    first_position: Position(*first),
                    last_position: Position(*last),
                });
            }
            ("conflict", ..) => {
                let actual = (*actual >= 0).then_some(Version(*actual));
                return Verdict::Refused(StoreError::Conflict {
                    stream: unit.stream.clone(),
                    expected: unit.expected,
                    actual,
                });
            }
            ("reused", ..) => {
                return Verdict::Refused(StoreError::IdReused {
                    id: id.unwrap_or_default(),
                });
            }
            ("busy", ..) => return Verdict::Busy(unit.stream.clone()),
            // Another unit says why.
            _ => {}
        }
    }
    if appended.len() == append.units.len() {
        Verdict::Done(AppendOutcome {
            appended,
            duplicate,
        })
    } else {
        Verdict::Refused(StoreError::Broken(
            "the database answered an append with nothing; this is a bug in Highwater".to_owned(),
        ))
    }
}

/// The columns that the database takes events in.
pub(crate) struct Columns<'a> {
    /// The types, each once …
    pub(crate) kinds: Vec<&'a str>,
    /// … and the place of each event's type among them, from 1.
    pub(crate) kind: Vec<i32>,
    pub(crate) ids: Vec<Uuid>,
    pub(crate) known: Vec<bool>,
    pub(crate) datas: Vec<Json<&'a RawValue>>,
    pub(crate) metadatas: Vec<Json<&'a RawValue>>,
    pub(crate) occurred: Vec<Option<jiff_sqlx::Timestamp>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(events: impl Iterator<Item = &'a PreparedEvent>, look_up_all: bool) -> Self {
        let mut columns = Self {
            kinds: vec![],
            kind: vec![],
            ids: vec![],
            known: vec![],
            datas: vec![],
            metadatas: vec![],
            occurred: vec![],
        };
        let mut places = Places::default();
        for event in events {
            columns
                .kind
                .push(places.of(&event.event_type, &mut columns.kinds));
            columns.ids.push(event.id);
            columns.known.push(event.given || look_up_all);
            columns.datas.push(Json(&*event.data));
            columns.metadatas.push(Json(&*event.metadata));
            columns
                .occurred
                .push(event.occurred_at.map(ToSqlx::to_sqlx));
        }
        columns
    }
}

/// Numbers texts as they come, from 1, as the database counts.
#[derive(Default)]
pub(crate) struct Places<'a>(HashMap<&'a str, i32>);

impl<'a> Places<'a> {
    /// Its place among `texts`, to which it is added when it is new.
    pub(crate) fn of(&mut self, text: &'a str, texts: &mut Vec<&'a str>) -> i32 {
        *self.0.entry(text).or_insert_with(|| {
            texts.push(text);
            number(texts.len())
        })
    }
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

async fn send(
    pool: &PgPool,
    batch: &[Request],
    look_up_all: bool,
) -> Result<Vec<UnitRow>, sqlx::Error> {
    let (mut requests, mut names, mut expected) = (vec![], vec![], vec![]);
    let (mut counts, mut firsts, mut units) = (vec![], vec![], vec![]);
    for (request_number, request) in (1_i32..).zip(batch) {
        for unit in &request.append.units {
            requests.push(request_number);
            names.push(unit.stream.as_str());
            expected.push(match unit.expected {
                ExpectedVersion::None => -1,
                ExpectedVersion::Any => -2,
                ExpectedVersion::Exists => -3,
                ExpectedVersion::Exactly(version) => version.0,
            });
            counts.push(number(unit.count));
            firsts.push(number(units.len() + 1));
            units.resize(units.len() + unit.count, number(names.len()));
        }
    }
    let columns = Columns::of(
        batch.iter().flat_map(|request| &request.append.events),
        look_up_all,
    );
    sqlx::query_as(
        "select outcome, actual, first_version, first_position, last_position, id
         from highwater.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) order by unit_number",
    )
    .bind(requests)
    .bind(names)
    .bind(expected)
    .bind(counts)
    .bind(firsts)
    .bind(columns.kinds)
    .bind(units)
    .bind(columns.kind)
    .bind(columns.ids)
    .bind(columns.known)
    .bind(columns.datas)
    .bind(columns.metadatas)
    .bind(columns.occurred)
    .fetch_all(pool)
    .await
}

fn is_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => {
            matches!(database.code().as_deref(), Some("57P01" | "57P02"))
        }
        _ => false,
    }
}

/// Class 22 (data), 23 (constraints), 54 (too large for the database).
fn is_data(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| {
        ["22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}
