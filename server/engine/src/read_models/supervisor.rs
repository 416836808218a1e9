//! Takes read models that nobody runs, and runs them here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use highwater_store::read_models::{LeaseConnection, RunnableVersion};
use highwater_store::{StoreError, Tasks};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::runner::Runner;
use super::{Inner, poke_name};

/// How often leases are confirmed and looked for: well below the 6 s after which the database gives them to others.
const BEAT: Duration = Duration::from_secs(2);
/// How long a look at the list may take; a beat must not wait for it.
const LOOK: Duration = Duration::from_secs(2);
/// How often the tables of read models are tried that wait for an administrator.
const SET_UP: Duration = Duration::from_secs(10);
/// The lease of the one who samples lag.
const SAMPLER: i32 = 0;

/// A read model that runs here.
struct Running {
    version_id: i64,
    token: CancellationToken,
    ended: CancellationToken,
}

/// Leases of this process, and what it runs under them.
pub(super) struct Supervisor {
    inner: Arc<Inner>,
    tasks: Tasks,
    running: HashMap<i32, Running>,
    tried: Instant,
    /// It has had leases since it told that they are lost.
    leads: bool,
}

impl Supervisor {
    pub(super) fn new(inner: Arc<Inner>, tasks: Tasks) -> Self {
        Self {
            inner,
            tasks,
            running: HashMap::new(),
            tried: Instant::now(),
            leads: true,
        }
    }

    /// Runs until the process ends.
    pub(super) async fn run(mut self) {
        let token = self.tasks.token();
        while !token.is_cancelled() {
            let led = tokio::select! {
                () = token.cancelled() => break,
                led = self.lead() => led,
            };
            self.end_all().await;
            if let Err(error) = led
                && self.leads
            {
                self.leads = false;
                tracing::warn!(%error, "read models: the leases are lost; they run again when the database answers");
            }
            tokio::select! {
                () = token.cancelled() => break,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
        self.end_all().await;
    }

    /// Holds leases until their connection is lost.
    async fn lead(&mut self) -> Result<(), StoreError> {
        let mut lease = self.inner.store.lease_connection().await?;
        loop {
            lease.beat().await?;
            self.leads = true;
            if !self.inner.samples.load(Ordering::Relaxed) {
                let mine = lease.try_take(SAMPLER).await?;
                self.inner.samples.store(mine, Ordering::Relaxed);
            }
            self.let_go(&mut lease).await?;
            if self.tried.elapsed() >= SET_UP {
                self.tried = Instant::now();
                if let Err(error) = tokio::time::timeout(LOOK, self.inner.store.set_up_waiting())
                    .await
                    .unwrap_or(Ok(Vec::new()))
                {
                    tracing::warn!(%error, "read models: one that waits for its tables could not be made");
                }
            }
            if self.inner.samples.load(Ordering::Relaxed)
                && let Ok(Err(error)) =
                    tokio::time::timeout(LOOK, self.inner.store.verify_swaps()).await
            {
                tracing::warn!(%error, "read models: what became live could not be looked after");
            }
            match tokio::time::timeout(LOOK, self.inner.store.runnable_versions()).await {
                Ok(Ok(versions)) => {
                    self.end_others(&versions);
                    for version in versions {
                        self.take(&mut lease, version).await?;
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "read models: the list could not be read"),
                Err(_) => tracing::warn!("read models: the list could not be read in time"),
            }
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                () = self.inner.defined.notified() => {}
            }
        }
    }

    /// Becomes the runner of a version, if nobody else is.
    async fn take(
        &mut self,
        lease: &mut LeaseConnection,
        version: RunnableVersion,
    ) -> Result<(), StoreError> {
        if let Some(running) = self.running.get(&version.lease()) {
            // Promoted or replaced: the runner of the version before ends, and this one is taken at the next look.
            if running.version_id != version.version_id {
                running.token.cancel();
                self.inner.defined.notify_one();
            }
            return Ok(());
        }
        let code = self.inner.projection(&version.name);
        let can_run = match version.handler {
            Some(_) => version.schema.is_some(),
            None => code.is_some(),
        };
        let id = version.lease();
        if !can_run || !lease.try_take(id).await? {
            return Ok(());
        }
        let taken = self.inner.store.take_over(version.version_id);
        let generation = match tokio::time::timeout(LOOK, taken).await {
            Ok(Ok(generation)) => generation,
            Ok(Err(error)) => {
                tracing::warn!(read_model = version.name, %error, "read model: could not be taken over");
                return lease.release(id).await;
            }
            Err(_) => {
                tracing::warn!(
                    read_model = version.name,
                    "read model: could not be taken over in time"
                );
                return lease.release(id).await;
            }
        };
        let running = Running {
            version_id: version.version_id,
            token: self.tasks.token().child_token(),
            ended: CancellationToken::new(),
        };
        let poke = Arc::new(Notify::new());
        self.inner.poke(
            &poke_name(&version.name, version.role),
            Some(Arc::clone(&poke)),
        );
        let runner = Runner {
            store: self.inner.store.clone(),
            connections: self.inner.connections.clone(),
            version,
            generation,
            code,
            timeout: self.inner.options.slice_timeout,
            link: self.inner.options.link,
            poke,
            moved: self.inner.moved.clone(),
            token: running.token.clone(),
            server: self.tasks.token(),
        };
        let ended = running.ended.clone().drop_guard();
        let defined = Arc::clone(&self.inner);
        self.tasks.spawn("read model", async move {
            // Told however it ends, by a panic too.
            let ended = ended;
            runner.run().await;
            drop(ended);
            defined.defined.notify_one();
        });
        self.running.insert(id, running);
        Ok(())
    }

    /// Ends runners of versions that should not run any more: they were discarded, or nobody goes back to them.
    fn end_others(&self, versions: &[RunnableVersion]) {
        for (lease, running) in &self.running {
            if !versions.iter().any(|version| version.lease() == *lease) {
                running.token.cancel();
            }
        }
    }

    /// Gives back the leases of runners that have ended.
    async fn let_go(&mut self, lease: &mut LeaseConnection) -> Result<(), StoreError> {
        let ended: Vec<i32> = self
            .running
            .iter()
            .filter(|(_, running)| running.ended.is_cancelled())
            .map(|(id, _)| *id)
            .collect();
        for id in ended {
            self.running.remove(&id);
            lease.release(id).await?;
        }
        Ok(())
    }

    /// Without leases nothing may run here.
    async fn end_all(&mut self) {
        self.inner.samples.store(false, Ordering::Relaxed);
        for (_, running) in self.running.drain() {
            running.token.cancel();
            running.ended.cancelled().await;
        }
    }
}
