//! What the rules are held against: what is looked up for those who watch, and the checks of the store.

use std::sync::Arc;

use highwater_engine::alerts::AlertSources;
use highwater_model::{ReadModelLag, StoreCheck, Subscription};

use crate::checks;
use crate::state::AppState;

/// This server's.
#[derive(Debug)]
pub(super) struct Sources(pub(super) AppState);

impl AlertSources for Sources {
    async fn read_models(&self) -> Option<Arc<[ReadModelLag]>> {
        self.0.boards.read_models().await
    }

    async fn subscriptions(&self) -> Option<Arc<[Subscription]>> {
        self.0.boards.all_subscriptions().await
    }

    async fn checks(&self) -> Option<Vec<StoreCheck>> {
        checks::all(&self.0).await.ok()
    }
}
