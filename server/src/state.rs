//! What every handler can reach.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use highwater_engine::{Feed, ReadModels, States, Subscriptions};
use highwater_model::{Environment, Mark};
use highwater_store::Store;
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::alerts::Alerts;
use crate::demo::DemoShop;
use crate::identity::{Approvals, Gate};
use crate::limits::Limits;
use crate::live::Boards;
use crate::site::Site;

/// What every handler can reach. Cheap to clone: each layer around a handler does, for each request.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Reach>);

/// The parts of it.
pub struct Reach {
    /// The event store.
    pub store: Store,
    /// Who gets in.
    pub gate: Arc<Gate>,
    /// What the server looks after, if that was said.
    pub environment: Option<Environment>,
    /// Carries out what a second person has agreed to, where orders need one.
    pub approvals: Option<Approvals>,
    /// The newest events.
    pub feed: Feed,
    /// The read models.
    pub read_models: ReadModels,
    /// States of streams.
    pub states: States,
    /// The subscriptions.
    pub subscriptions: Subscriptions,
    /// How these and the jobs are, for those who watch.
    pub boards: Boards,
    /// What it takes at once.
    pub limits: Limits,
    /// Where the mark was when a probe last asked the database, and when that was: all who probe share one look.
    pub probed: Mutex<Option<(Instant, Mark)>>,
    /// How this server looks after alerts.
    pub alerts: Alerts,
    /// The demo shop, if this server runs one.
    pub demo: Option<DemoShop>,
    /// Cancelled when the server is told to stop: `/readyz` says so from then on.
    pub draining: CancellationToken,
    /// Cancelled when it does: live connections close.
    pub stopping: CancellationToken,
    /// Where the Postgres that this process started itself keeps its data; none when it was given one.
    pub data_dir: Option<PathBuf>,
    /// Renders the counters for `GET /metrics`.
    pub metrics: PrometheusHandle,
    /// The console's files, if they were built.
    pub site: Arc<Site>,
    /// What Leptos needs to know about them.
    pub leptos: LeptosOptions,
}

impl From<Reach> for AppState {
    fn from(reach: Reach) -> Self {
        Self(Arc::new(reach))
    }
}

impl Deref for AppState {
    type Target = Reach;

    fn deref(&self) -> &Reach {
        &self.0
    }
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach")
            .field("feed", &self.feed)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}
