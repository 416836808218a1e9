//! What can be ordered of a read model that takes long.

use highwater_model::{
    DiffKind, DiffPage, Part, ReadModelDiff, RebuildPlan, ReplayFrom, ReplayPlan, VersionRole,
};
use highwater_store::read_models::{Order, ReadModelError};
use serde_json::Value;

use super::{ReadModels, poke_name};

impl ReadModels {
    /// What a rebuild would cost; nothing is changed.
    pub async fn plan_rebuild(&self, name: &str) -> Result<RebuildPlan, ReadModelError> {
        self.inner.store.plan_rebuild(name).await
    }

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

    /// What a replay would cost; nothing is changed.
    pub async fn plan_replay(
        &self,
        name: &str,
        from: ReplayFrom,
    ) -> Result<ReplayPlan, ReadModelError> {
        self.inner.store.plan_replay(name, from).await
    }

    /// Lets the live version handle events again, from this one on, where its definition says that this changes nothing; the plan that
    /// was shown is kept with it. Answers the job, which ends when the read model is level again and was seen to live.
    pub async fn replay(
        &self,
        name: &str,
        from: ReplayFrom,
        order: &Order,
        plan: &Value,
    ) -> Result<i64, ReadModelError> {
        let job_id = self.inner.store.replay(name, from, order, plan).await?;
        self.changed(name);
        Ok(job_id)
    }

    /// Makes the live rows of one stream or category again, in one transaction, where the definition has such a key. Answers the job,
    /// which is over.
    pub async fn rebuild_part(
        &self,
        name: &str,
        part: &Part,
        order: &Order,
    ) -> Result<i64, ReadModelError> {
        let job_id = self.inner.store.rebuild_part(name, part, order).await?;
        self.inner.moved.send_replace(());
        Ok(job_id)
    }

    /// Makes the shadow live, in one transaction; what was live stays as the previous version. It needs a reason, and a diff of this
    /// shadow. Answers the job, which ends when the new live version was seen to live.
    pub async fn promote(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        let job_id = self.inner.store.promote(name, order).await?;
        self.changed(name);
        Ok(job_id)
    }

    /// Makes the previous version live again, once it has caught up; needs a reason. Answers the job.
    pub async fn go_back(&self, name: &str, order: &Order) -> Result<i64, ReadModelError> {
        let job_id = self.inner.store.go_back(name, order).await?;
        self.changed(name);
        Ok(job_id)
    }

    /// Drops the shadow or the previous version; needs a reason.
    pub async fn discard(
        &self,
        name: &str,
        role: VersionRole,
        order: &Order,
    ) -> Result<(), ReadModelError> {
        self.inner.store.discard(name, role, order).await?;
        self.changed(name);
        Ok(())
    }

    /// Runners find out at once which version they have to run.
    fn changed(&self, name: &str) {
        self.inner.poke(name, None);
        self.inner.poke(&poke_name(name, VersionRole::Shadow), None);
        self.inner.defined.notify_one();
    }

    /// Cancels a job. Of a rebuild nothing is left; after a replay the read model stands where it had stood, and what was handled again
    /// up to there stays.
    pub async fn cancel(&self, job_id: i64, order: &Order) -> Result<(), ReadModelError> {
        self.inner.store.cancel_job(job_id, order).await?;
        let job = self.inner.store.job(job_id).await?;
        self.changed(&job.read_model);
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
        self.changed(&job.read_model);
        Ok(())
    }

    /// Compares the shadow of a read model with the live version at the same position.
    pub async fn diff(&self, name: &str) -> Result<ReadModelDiff, ReadModelError> {
        self.inner.store.diff(name).await
    }

    /// Rows of one table that differ in one way, behind a cursor.
    pub async fn diff_rows(
        &self,
        name: &str,
        table: &str,
        kind: DiffKind,
        cursor: Option<&str>,
        limit: i64,
    ) -> Result<DiffPage, ReadModelError> {
        let store = &self.inner.store;
        store.diff_rows(name, table, kind, cursor, limit).await
    }
}
