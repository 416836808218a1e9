//! Opening a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use highwater_model::{Limits, Position};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::sync::watch;

use crate::appender::Appender;
use crate::names::Names;
use crate::wake::Told;
use crate::{AppendLatency, Clock, Ids, StoreError, Tasks, flows, migrate, wake};

/// How long a read may take before the database stops it.
pub(crate) const READ_TIMEOUT_S: u64 = 15;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// What an append may hold.
    pub limits: Limits,
    /// Connections for reading; appending has its own one.
    pub max_connections: u32,
    /// What the database shows as the application's name.
    pub application: String,
    /// Highwater started this Postgres itself; only told in [`highwater_model::StoreFacts`].
    pub embedded: bool,
    /// Events that may wait to be appended.
    pub queue_events: usize,
    /// Bytes that may wait to be appended.
    pub queue_bytes: usize,
    /// How long an append may wait in the queue.
    pub queue_age: Duration,
    /// How long an append waits for a stream on which an SQL transaction is open.
    pub busy_wait: Duration,
    /// How long a page of the log looks for events that a filter lets through before it says how far it has come.
    pub look_for: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            max_connections: 10,
            application: "highwater".to_owned(),
            embedded: false,
            queue_events: 20_000,
            queue_bytes: 64 << 20,
            queue_age: Duration::from_secs(5),
            busy_wait: Duration::from_secs(1),
            look_for: Duration::from_secs(1),
        }
    }
}

/// A store of events. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    pool: PgPool,
    limits: Limits,
    look_for: Duration,
    embedded: AtomicBool,
    clock: Clock,
    ids: Ids,
    appender: Appender,
    wake: watch::Receiver<Position>,
    told: Arc<Told>,
    names: Names,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("head", &*self.0.wake.borrow())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects, brings the schema up to date, and starts the appender, the listener and what summarises flows.
    pub async fn open(url: &str, options: StoreOptions, tasks: &Tasks) -> Result<Self, StoreError> {
        let connect: PgConnectOptions = url.parse().map_err(StoreError::Database)?;
        let connect = connect.application_name(&options.application);
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(2))
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .connect_with(connect.clone().options([
                ("statement_timeout", format!("{READ_TIMEOUT_S}s").as_str()),
                // Reads look at some thousands of rows by an index, whatever the planner expects: on a store of 10 M events it took half
                // a second to compile what then ran for four milliseconds.
                ("jit", "off"),
            ]))
            .await?;
        migrate::migrate(&connect).await?;

        let ids = Ids;
        let head = wake::head(&pool).await?;
        let (moved, wake) = watch::channel(head);
        let own = wake::Backends::default();
        let appender =
            Appender::start(&connect, &options, own.clone(), moved.clone(), tasks).await?;
        let told = Arc::new(Told::default());
        wake::listen(pool.clone(), own, moved, Arc::clone(&told), tasks);
        flows::summarise(pool.clone(), wake.clone(), tasks);
        Ok(Self(Arc::new(Inner {
            pool,
            limits: options.limits,
            look_for: options.look_for,
            embedded: AtomicBool::new(options.embedded),
            clock: Clock,
            ids,
            appender,
            wake,
            told,
            names: Names::default(),
        })))
    }

    /// What an append may hold.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// How long a page of the log looks.
    pub(crate) fn look_for(&self) -> Duration {
        self.0.look_for
    }

    /// The one clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The one generator of ids.
    pub fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// The newest position that this process knows of. It may lag: poll beside it.
    pub fn wake(&self) -> watch::Receiver<Position> {
        self.0.wake.clone()
    }

    /// How long ago the database last told this process of an append, by whomever; none: not yet.
    pub fn told_ago(&self) -> Option<Duration> {
        self.0.told.ago()
    }

    /// How long appends take, as this process sees it; none: nothing was appended here for a while.
    pub fn append_latency(&self) -> Option<AppendLatency> {
        self.0.appender.latency().get(Instant::now())
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    pub(crate) fn appender(&self) -> &Appender {
        &self.0.appender
    }

    pub(crate) fn embedded(&self) -> bool {
        self.0.embedded.load(Ordering::Relaxed)
    }
}
