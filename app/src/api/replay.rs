//! Handling again what was handled: a replay, and the rows of one stream or category.

use highwater_model::{Job, PartBody, PlanBody, ReplayBody, ReplayPlan};

use super::read_models::of;
use super::{Answer, Api};

impl Api {
    /// What a replay will cost; nothing is changed.
    pub async fn plan_replay(&self, name: &str, from: &PlanBody) -> Answer<ReplayPlan> {
        self.post(of(name, "/plan").0, from).await
    }

    /// Lets the live version handle events again, as it was planned.
    pub async fn replay(&self, name: &str, plan: ReplayPlan, reason: String) -> Answer<Job> {
        let body = ReplayBody {
            plan: Some(plan),
            reason: Some(reason),
        };
        self.post(of(name, "/replay").0, &body).await
    }

    /// Makes the live rows of one stream or category again. The job is over when it is answered.
    pub async fn rebuild_part(&self, name: &str, part: &PartBody) -> Answer<Job> {
        self.post(of(name, "/rebuild-part").0, part).await
    }
}
