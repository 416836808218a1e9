//! What can be ordered of a read model that takes long.

use highwater_store::read_models::{Order, ReadModelError};
use serde_json::Value;

use super::ReadModels;

impl ReadModels {
    /// Rebuilds a read model in a shadow beside the live one; the plan that was shown is kept with it. Answers the job.
    pub async fn rebuild(
        &self,
        name: &str,
        order: &Order,
        plan: &Value,
    ) -> Result<i64, ReadModelError> {
        let job_id = self.inner.store.rebuild(name, order, plan).await?;
        self.inner.defined.notify_one();
        Ok(job_id)
    }

    /// Cancels a job; of a rebuild nothing is left.
    pub async fn cancel(&self, job_id: i64, order: &Order) -> Result<(), ReadModelError> {
        self.inner.store.cancel_job(job_id, order).await?;
        self.inner.defined.notify_one();
        Ok(())
    }

    /// Sets how many events a second a job handles at most; none: as many as it can.
    pub async fn set_speed(
        &self,
        job_id: i64,
        limit: Option<i32>,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        self.inner.store.set_job_speed(job_id, limit, order).await?;
        let job = self.inner.store.job(job_id).await?;
        self.inner
            .poke(&format!("{}__shadow", job.read_model), None);
        Ok(())
    }
}
