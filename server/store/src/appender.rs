//! The appender: where appends are handed in, and its connections. What waits is recorded by one task ([`crate::batching`]).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use highwater_model::Position;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{Instrument, Span};

use crate::batching::{Around, BATCHES, Task};
use crate::json_check::Prepared;
use crate::latency::Moving;
use crate::{AppendOutcome, StoreError, StoreOptions, Tasks, counting, traced, wake};

/// Connections at most: those of the batches, two for imports, and one to tell of appends and to count them.
const CONNECTIONS: u32 = 5;
/// What the sessions have: `append_known` relies on it, so that each of its look-ups is an index probe, planned once.
const SETTINGS: [(&str, &str); 7] = [
    ("lock_timeout", "5s"),
    ("statement_timeout", "60s"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];
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
pub(crate) struct Waiting {
    pub(crate) events: AtomicUsize,
    pub(crate) bytes: AtomicUsize,
    /// Why the database took nothing the last time; none since it takes appends.
    pub(crate) refusal: Mutex<Option<String>>,
}

impl Waiting {
    /// The database has refused to write, or has written.
    pub(crate) fn note(&self, refusal: Option<String>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

/// An append that waits for its answer.
pub(crate) struct Request {
    pub(crate) append: Prepared,
    pub(crate) since: Instant,
    /// Set once its stream was found busy: when to try again.
    pub(crate) again: Option<Instant>,
    pub(crate) span: Span,
    pub(crate) reply: oneshot::Sender<Result<AppendOutcome, StoreError>>,
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
            .connect_with(connect.clone().options(SETTINGS))
            .await?;
        // Opened now: on a busy machine opening one takes seconds, which is no time to find out that a second batch is due.
        let mut idle = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            idle.push(pool.acquire().await?);
        }
        let (queue, queued) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let latency = Arc::new(Moving::default());
        let (appended, end) = watch::channel(Position::ZERO);
        wake::tell(pool.clone(), end.clone(), tasks);
        counting::count(pool.clone(), end, tasks);
        let around = Around {
            queued,
            idle,
            pool: pool.clone(),
            moved: moved.clone(),
            appended,
            waiting: Arc::clone(&waiting),
            latency: Arc::clone(&latency),
        };
        let task = Task::new(around, options);
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
        let span = traced::append(events);
        let (reply, answer) = oneshot::channel();
        let shutting_down = || StoreError::Unavailable("this server is shutting down".to_owned());
        self.queue
            .send(Request {
                append,
                since: Instant::now(),
                again: None,
                span: span.clone(),
                reply,
            })
            .map_err(|_| shutting_down())?;
        let answer = answer.instrument(span).await;
        answer.map_err(|_| shutting_down())?
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Why the database took nothing the last time.
    pub(crate) fn refusal(&self) -> Option<String> {
        let refusal = self.waiting.refusal.lock();
        refusal.unwrap_or_else(PoisonError::into_inner).clone()
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
