//! What the guided rebuild of a read model knows, and how its parts give orders.

use std::pin::Pin;

use highwater_model::{Job, ReadModelDiff, RebuildPlan, VersionRole};
use leptos::prelude::*;

use super::read_model_orders::{Said, Shown};
pub use super::read_model_rebuild_section::RebuildSection;
use super::read_model_rebuild_step::{is_behind, is_step, running, version};
use crate::api::{Answer, Api, ApiError, JobsRequest};
use crate::components::read_model_state::counted;
use crate::format;
use crate::live::jobs;

/// What the section shows.
#[derive(Debug, Clone, Copy)]
pub struct Rebuild {
    /// The page's read model.
    pub shown: Shown,
    /// Its jobs, the newest first.
    pub jobs: RwSignal<Vec<Job>>,
    /// A plan that was asked for, until it is used.
    pub plan: RwSignal<Option<RebuildPlan>>,
    /// A diff that was asked for.
    pub diff: RwSignal<Option<ReadModelDiff>>,
    /// What came of the last order.
    pub said: RwSignal<Option<Said>>,
    /// An order is on its way.
    pub busy: RwSignal<bool>,
}

impl Rebuild {
    /// Of a page's read model, with its newest jobs.
    pub fn new(shown: Shown, jobs: Vec<Job>) -> Self {
        Self {
            shown,
            jobs: RwSignal::new(jobs.into_iter().filter(is_step).collect()),
            plan: RwSignal::new(None),
            diff: RwSignal::new(None),
            said: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    /// The read model's name.
    pub fn name(self) -> String {
        self.shown.model.with_untracked(|model| model.name.clone())
    }

    /// `version 2`, of the version in a role.
    pub fn version_name(self, role: VersionRole) -> Option<String> {
        self.shown
            .model
            .with(|model| version(model, role).map(|version| format!("version {}", version.number)))
    }

    /// The same at the beginning of a sentence.
    pub fn version_title(self, role: VersionRole) -> Option<String> {
        self.version_name(role).map(|name| format::capital(&name))
    }

    /// As [`Self::order`]; `waits` is set until it is answered, for the words of the button that gave it.
    pub fn order_from(
        self,
        waits: RwSignal<bool>,
        work: impl Future<Output = Answer<Said>> + 'static,
    ) {
        if self.busy.get_untracked() {
            return;
        }
        waits.set(true);
        self.order(async move {
            let said = work.await;
            let _ = waits.try_set(false);
            said
        });
    }

    /// Gives an order, reads everything back, and says what came of it.
    pub fn order(self, work: impl Future<Output = Answer<Said>> + 'static) {
        // Boxed, so that the program for the browser has what stands around an order once, not once for each order.
        self.carry_out(Box::pin(work));
    }

    fn carry_out(self, work: Pin<Box<dyn Future<Output = Answer<Said>>>>) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.said.set(None);
        leptos::task::spawn_local(async move {
            let said = work.await.unwrap_or_else(|error| refusal(&error));
            self.refresh().await;
            let behind = self
                .jobs
                .try_with_untracked(|jobs| is_behind(said.job, jobs));
            let _ = self.said.try_set((behind == Some(false)).then_some(said));
            let _ = self.busy.try_set(false);
        });
    }

    /// Reads the read model, its jobs, failures and actions again.
    async fn refresh(self) {
        let Some(name) = self
            .shown
            .model
            .try_with_untracked(|model| model.name.clone())
        else {
            return;
        };
        let api = Api::from_context();
        if let Ok(fresh) = api.jobs(&last_jobs(&name)).await {
            // The feed may have said more while this was on its way.
            let _ = self
                .jobs
                .try_update(|known| jobs::merge(known, &fresh, is_step));
        }
        self.shown.refresh(&api, &name).await;
    }

    /// Takes over what the feed says, and reads the rest again when a job came or ended.
    pub(super) fn take_over(self, said: &[Job]) {
        let name = self.name();
        let state = |jobs: &Vec<Job>| jobs.first().map(|job| (job.id, job.state));
        let before = self.jobs.with_untracked(state);
        let mut known = self.jobs.get_untracked();
        jobs::merge(&mut known, said, |job| {
            job.read_model == name && is_step(job)
        });
        if self.jobs.with_untracked(|jobs| *jobs != known) {
            self.jobs.set(known);
        }
        let after = self.jobs.with_untracked(state);
        if before != after {
            // What the last order of this window came to is behind: what began or ended now says how it is.
            self.said.set(None);
            if after.is_some_and(|(_, state)| !state.is_over()) {
                // Somebody has begun: what was planned here is not what will run.
                self.plan.set(None);
            }
            leptos::task::spawn_local(self.refresh());
        }
    }

    /// The diff, if it is of the versions that are here now.
    pub fn current_diff(self) -> Option<ReadModelDiff> {
        let ids = self.shown.model.with(|model| {
            let id = |role| version(model, role).map(|version| version.id);
            (id(VersionRole::Live), id(VersionRole::Shadow))
        });
        self.diff
            .get()
            .filter(|diff| (Some(diff.live_version), Some(diff.shadow_version)) == ids)
    }
}

/// A refusal, as what came of an order.
fn refusal(error: &ApiError) -> Said {
    match error {
        ApiError::Refused(_) | ApiError::Waits(_) => Said::failed(error.nothing_changed()),
        _ => Said::failed(format!("{error} Look below whether the order was taken.")),
    }
}

/// The newest jobs of a read model.
pub fn last_jobs(name: &str) -> JobsRequest {
    JobsRequest {
        read_model: name.to_owned(),
        limit: 20,
        ..JobsRequest::default()
    }
}

/// `identical`, or how many rows differ.
pub fn told_of(diff: &ReadModelDiff) -> String {
    if diff.identical {
        return "identical".to_owned();
    }
    let rows = diff
        .tables
        .iter()
        .map(|table| table.added + table.removed + table.changed)
        .sum();
    format!(
        "{} {}",
        counted(rows, "row", "rows"),
        if rows == 1 { "differs" } else { "differ" }
    )
}

/// The job that runs, as a signal for the parts that show one; the last one that ran when it is over.
pub fn current_job(rebuild: Rebuild) -> Memo<Option<Job>> {
    Memo::new(move |_| {
        rebuild
            .jobs
            .with(|jobs| running(jobs).or(jobs.first()).cloned())
    })
}
