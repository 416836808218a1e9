//! The rebuild of a read model: plan, run, compare, promote, go back, discard.

use highwater_model::{
    DiffKind, DiffPage, DiscardBody, Job, PlanBody, PromoteBody, ReadModel, ReadModelDiff,
    RebuildBody, RebuildPlan, VersionRole,
};

use super::read_models::of;
use super::{Answer, Api};

/// Rows of a diff that are asked for at once.
const DIFF_ROWS: i64 = 25;

impl Api {
    /// What a rebuild will cost; nothing is changed.
    pub async fn plan(&self, name: &str) -> Answer<RebuildPlan> {
        self.post(of(name, "/plan").0, &PlanBody::default()).await
    }

    /// Builds a shadow beside the live version, as it was planned.
    pub async fn rebuild(
        &self,
        name: &str,
        plan: RebuildPlan,
        reason: Option<String>,
    ) -> Answer<Job> {
        let body = RebuildBody {
            plan: Some(plan),
            reason,
        };
        self.post(of(name, "/rebuild").0, &body).await
    }

    /// The shadow against the live version.
    pub async fn diff(&self, name: &str) -> Answer<ReadModelDiff> {
        self.get(of(name, "/diff")).await
    }

    /// Rows of one table that differ in one way, from an earlier page's `next` on.
    pub async fn diff_rows(
        &self,
        name: &str,
        table: &str,
        kind: DiffKind,
        cursor: &str,
    ) -> Answer<DiffPage> {
        let mut query = of(name, "/diff");
        query.text("table", table);
        query.text("kind", kind_name(kind));
        query.text("cursor", cursor);
        query.number("limit", Some(DIFF_ROWS));
        self.get(query).await
    }

    /// Makes the shadow live.
    pub async fn promote(&self, name: &str, reason: String) -> Answer<Job> {
        self.post(of(name, "/promote").0, &because(reason)).await
    }

    /// Makes the previous version live again.
    pub async fn go_back(&self, name: &str, reason: String) -> Answer<Job> {
        self.post(of(name, "/go-back").0, &because(reason)).await
    }

    /// Drops the shadow or the previous version. Answers the read model as it is then.
    pub async fn discard(
        &self,
        name: &str,
        version: VersionRole,
        reason: String,
    ) -> Answer<ReadModel> {
        let body = DiscardBody {
            version,
            reason: Some(reason),
        };
        self.post(of(name, "/discard").0, &body).await
    }
}

fn because(reason: String) -> PromoteBody {
    PromoteBody {
        reason: Some(reason),
    }
}

fn kind_name(kind: DiffKind) -> &'static str {
    match kind {
        DiffKind::Added => "added",
        DiffKind::Removed => "removed",
        DiffKind::Changed => "changed",
    }
}
