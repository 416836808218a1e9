//! What every handler can reach.

use std::sync::Arc;

use highwater_engine::Feed;
use highwater_store::Store;
use leptos::config::LeptosOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use crate::site::Site;

/// What every handler can reach; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The event store.
    pub store: Store,
    /// The newest events.
    pub feed: Feed,
    /// Cancelled when the server begins to stop: live connections close, `/readyz` says so.
    pub stopping: CancellationToken,
    /// True when this process started its Postgres itself.
    pub embedded: bool,
    /// Renders the counters for `GET /metrics`.
    pub metrics: PrometheusHandle,
    /// The console's files, if they were built.
    pub site: Arc<Site>,
    /// What Leptos needs to know about them.
    pub leptos: LeptosOptions,
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState")
            .field("feed", &self.feed)
            .field("embedded", &self.embedded)
            .finish_non_exhaustive()
    }
}
