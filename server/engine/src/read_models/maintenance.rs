//! Maintenance, as far as the runners have a part in it.

use highwater_model::Maintenance;
use highwater_store::MaintenanceError;
use highwater_store::read_models::Order;

use super::runner::{Next, POLL, Run, Runner};
use super::{ReadModels, lock};

impl ReadModels {
    /// Pauses all read models, shadows included, on every server of the store; needs a reason. Once it is answered no checkpoint moves any
    /// more. Subscriptions and appends go on, and each read model's own state stays what it is.
    pub async fn begin_maintenance(&self, order: &Order) -> Result<Maintenance, MaintenanceError> {
        self.inner.store.begin_maintenance(order).await
    }

    /// Lets run what ran before; what was paused by itself stays paused.
    pub async fn end_maintenance(&self, order: &Order) -> Result<(), MaintenanceError> {
        self.inner.store.end_maintenance(order).await?;
        // Runners of other servers look by themselves, once a second.
        for runner in lock(&self.inner.pokes).values() {
            runner.notify_one();
        }
        Ok(())
    }
}

impl Runner {
    /// Whether it is on, or begins: it may have undone a slice that took long, and what that one met is no failure. A database that does
    /// not answer is asked for other things soon.
    pub(super) async fn under_maintenance(&self) -> bool {
        self.store.under_maintenance().await.unwrap_or(false)
    }
}

impl Run {
    /// Nothing is handled until it ends. That is no fault, nor time of work.
    pub(super) fn held(&mut self) -> Next {
        // Orders may change the state meanwhile.
        self.told = None;
        if let Some(work) = self.work.as_mut() {
            work.stands();
        }
        Next::Rest(POLL)
    }
}
