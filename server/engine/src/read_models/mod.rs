//! Read models: who runs them, and what can be ordered.
//!
//! # Adding a projection in code
//! Implement [`Projection`] (or [`Fold`], and make it one with [`Folding::new`]) and hand it to [`ReadModels::project`]. Its tables are its own
//! business: schema, rights, indexes. Write through the connection that it gets, and nothing else: what it does elsewhere is done
//! again when the transaction does not commit.

mod copy_rows;
mod fold;
mod folder;
mod governor;
mod job;
mod jobs;
mod load;
mod maintenance;
mod pace;
mod projection;
mod runner;
mod sampler;
mod step;
mod supervisor;
mod traced;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use highwater_model::filter::Glob;
use highwater_model::{Definition, Position, Traceparent, VersionRole};
use highwater_store::read_models::{
    Defined, HandledUpTo, LagSample, Order, ReadModelError, SliceConnections,
};
use highwater_store::{PoolUse, Store, StoreError, Tasks};
use tokio::sync::{Notify, watch};

pub use copy_rows::CopyRows;
pub use fold::{Change, Fold, Folding};
pub use projection::{Loading, Projection, ProjectionError, Work};

/// Links a span to where in a trace something happened.
pub type LinkTrace = fn(&tracing::Span, Traceparent);

/// How read models are run.
#[derive(Debug, Clone)]
pub struct ReadModelOptions {
    /// A folder with definitions.
    pub folder: Option<PathBuf>,
    /// Slices that are handled at the same time.
    pub connections: u32,
    /// How long a slice may take; a handler that never ends is stopped then.
    pub slice_timeout: Duration,
    /// Where spans are collected: how a slice's is linked to the traces that its events are part of.
    pub link: Option<LinkTrace>,
}

impl Default for ReadModelOptions {
    fn default() -> Self {
        Self {
            folder: None,
            connections: 4,
            slice_timeout: Duration::from_secs(30),
            link: None,
        }
    }
}

/// The read models that this process knows of, and runs as far as nobody else does. Cheap to clone.
#[derive(Clone)]
pub struct ReadModels {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    options: ReadModelOptions,
    connections: SliceConnections,
    code: Mutex<HashMap<String, Arc<dyn Projection>>>,
    pokes: Mutex<HashMap<String, Arc<Notify>>>,
    problems: Mutex<BTreeMap<String, String>>,
    /// There may be something new to run.
    defined: Notify,
    /// This process keeps the history of lag.
    samples: AtomicBool,
    lag: watch::Sender<Arc<[LagSample]>>,
    moved: watch::Sender<()>,
}

impl std::fmt::Debug for ReadModels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadModels").finish_non_exhaustive()
    }
}

impl ReadModels {
    /// Starts to run read models.
    pub fn start(store: Store, tasks: &Tasks, options: ReadModelOptions) -> Self {
        let inner = Arc::new(Inner {
            connections: store.slice_connections(options.connections.max(1)),
            store,
            code: Mutex::default(),
            pokes: Mutex::default(),
            problems: Mutex::default(),
            defined: Notify::new(),
            samples: AtomicBool::new(false),
            lag: watch::Sender::new(Arc::from([])),
            moved: watch::Sender::new(()),
            options,
        });
        let supervisor = supervisor::Supervisor::new(Arc::clone(&inner), tasks.clone());
        tasks.spawn("read models", supervisor.run());
        tasks.spawn(
            "lag of read models",
            sampler::run(Arc::clone(&inner), tasks.token()),
        );
        if let Some(folder) = inner.options.folder.clone() {
            let watch = folder::watch(Arc::clone(&inner), folder, tasks.token());
            tasks.spawn("folder of read models", watch);
        }
        Self { inner }
    }

    /// Takes in the text of a definition: a new read model starts, a changed one waits beside the live one, the same does nothing.
    pub async fn put(
        &self,
        name: &str,
        text: &str,
        order: &Order,
    ) -> Result<Defined, ReadModelError> {
        let definition = Definition::parse(name, text)?;
        self.inner.define(&definition, "api", order).await
    }

    /// Runs a projection in code, here or in whichever process that knows it holds its lease.
    pub async fn project(&self, projection: impl Projection) -> Result<(), ReadModelError> {
        let name = projection.name().to_owned();
        let events: Vec<Glob> = projection
            .events()
            .iter()
            .map(|name| Glob {
                parts: name.split('*').map(str::to_owned).collect(),
                quoted: false,
            })
            .collect();
        self.inner.store.define_code(&name, &events).await?;
        lock(&self.inner.code).insert(name, Arc::new(projection));
        self.inner.defined.notify_one();
        Ok(())
    }

    /// Pauses a read model.
    pub async fn pause(&self, name: &str, order: &Order) -> Result<(), ReadModelError> {
        self.inner.store.pause(name, order).await?;
        self.inner.poke(name, None);
        Ok(())
    }

    /// Lets a paused read model go on.
    pub async fn resume(&self, name: &str, order: &Order) -> Result<(), ReadModelError> {
        self.inner.store.resume(name, order).await?;
        self.inner.poke(name, None);
        Ok(())
    }

    /// Tries the event again that the live version or the shadow of a read model stands on.
    pub async fn retry(
        &self,
        name: &str,
        role: VersionRole,
        position: Position,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        let store = &self.inner.store;
        store.retry_failure(name, role, position, order).await?;
        self.inner.poke(&poke_name(name, role), None);
        Ok(())
    }

    /// Leaves out the event that the live version or the shadow of a read model stands on; says why.
    pub async fn skip(
        &self,
        name: &str,
        role: VersionRole,
        position: Position,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        let store = &self.inner.store;
        store.skip_failure(name, role, position, order).await?;
        self.inner.poke(&poke_name(name, role), None);
        Ok(())
    }

    /// Whether a read model has handled everything up to a position.
    pub async fn handled(
        &self,
        name: &str,
        position: Position,
    ) -> Result<HandledUpTo, ReadModelError> {
        self.inner.store.handled_up_to(name, position).await
    }

    /// The same, when it has, or when the time is over.
    pub async fn wait_until_handled(
        &self,
        name: &str,
        position: Position,
        timeout: Duration,
    ) -> Result<HandledUpTo, ReadModelError> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut moved = self.inner.moved.subscribe();
        // Another server may run it: then only a look tells.
        let mut pause = Duration::from_millis(5);
        loop {
            let over = tokio::time::Instant::now() >= deadline;
            match self.handled(name, position).await {
                Ok(found) if found.handled || over => return Ok(found),
                Ok(_) => {}
                // A database that is away for a moment is no reason to give up.
                Err(ReadModelError::Store(StoreError::Unavailable(_))) if !over => {}
                Err(error) => return Err(error),
            }
            tokio::select! {
                _ = moved.changed() => {}
                () = tokio::time::sleep_until(deadline.min(tokio::time::Instant::now() + pause)) => {}
            }
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }

    /// The lag of every version, whenever it was sampled.
    pub fn watch_lag(&self) -> watch::Receiver<Arc<[LagSample]>> {
        self.inner.lag.subscribe()
    }

    /// How the connections are used that run slices.
    pub fn slice_connections(&self) -> PoolUse {
        self.inner.connections.usage()
    }

    /// Definitions of the folder that are refused, by name; the empty name is the folder itself.
    pub fn folder_problems(&self) -> BTreeMap<String, String> {
        lock(&self.inner.problems).clone()
    }
}

impl Inner {
    async fn define(
        &self,
        definition: &Definition,
        source: &str,
        order: &Order,
    ) -> Result<Defined, ReadModelError> {
        let defined = self.store.define(definition, source, order).await?;
        self.defined.notify_one();
        Ok(defined)
    }

    fn projection(&self, name: &str) -> Option<Arc<dyn Projection>> {
        lock(&self.code).get(name).cloned()
    }

    /// Wakes the runner of a read model, or remembers how to.
    fn poke(&self, name: &str, runner: Option<Arc<Notify>>) {
        let mut pokes = lock(&self.pokes);
        match runner {
            Some(runner) => {
                pokes.insert(name.to_owned(), runner);
            }
            None => {
                if let Some(runner) = pokes.get(name) {
                    runner.notify_one();
                }
            }
        }
    }

    fn problem(&self, name: &str, problem: Option<String>) {
        let mut problems = lock(&self.problems);
        match problem {
            Some(problem) => problems.insert(name.to_owned(), problem),
            None => problems.remove(name),
        };
    }

    fn forget_problems(&self, is_there: impl Fn(&str) -> bool) {
        lock(&self.problems).retain(|name, _| is_there(name));
    }
}

/// Orders to the shadow, or to a job beside the live version, reach the runner of that one.
fn poke_name(name: &str, role: VersionRole) -> String {
    match role {
        VersionRole::Live => name.to_owned(),
        _ => format!("{name}__shadow"),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
