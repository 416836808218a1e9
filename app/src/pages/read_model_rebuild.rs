//! The guided rebuild: plan, run, diff, promote, verified, go back; one step is open.

use std::pin::Pin;

use highwater_model::{Job, JobKind, JobState, ReadModelDiff, RebuildPlan, VersionRole};
use leptos::prelude::*;

use super::read_model_orders::{Said, SaidLine, Shown};
use super::read_model_rebuild_back::{Ended, PreviousVersion};
use super::read_model_rebuild_diff::Compare;
use super::read_model_rebuild_plan::Plan;
use super::read_model_rebuild_run::Run;
use super::read_model_rebuild_step::{
    Mark, Step, is_behind, is_step, mark, newest, running, step, version,
};
use crate::api::{Answer, Api, ApiError, JobsRequest};
use crate::components::job::{mean_rate, percent, seconds_of_work};
use crate::components::read_model_state::counted;
use crate::format;
use crate::live::{jobs, on_jobs, on_pulse};

/// A shadow's state is not in the feed: while there is one, it is read this often.
const APART_MS: f64 = 1_400.0;

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
    fn take_over(self, said: &[Job]) {
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

/// What is open below the list of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Panel {
    Plan,
    Run,
    Compare,
    Ended,
}

/// The section.
#[component]
pub fn RebuildSection(
    /// What it shows.
    rebuild: Rebuild,
) -> impl IntoView {
    on_jobs(move |said| rebuild.take_over(said));
    on_pulse(APART_MS, move || {
        let (model, api) = (rebuild.shown.model, Api::from_context());
        let watched = model.with_untracked(|model| {
            version(model, VersionRole::Shadow).map(|_| model.name.clone())
        });
        Box::pin(async move {
            if let Some(name) = watched
                && let Ok(fresh) = api.read_model(&name).await
            {
                let _ = model.try_set(fresh);
            }
        })
    });
    let compared = Memo::new(move |_| rebuild.current_diff().is_some());
    let open = Memo::new(move |_| {
        let (planning, compared) = (rebuild.plan.with(Option::is_some), compared.get());
        rebuild.jobs.with(|jobs| {
            rebuild
                .shown
                .model
                .with(|model| step(model, jobs, planning, compared))
        })
    });
    let panel = Memo::new(move |_| match open.get() {
        Step::Plan => Panel::Plan,
        Step::Run => Panel::Run,
        Step::Diff | Step::Promote => Panel::Compare,
        Step::Verified | Step::GoBack => Panel::Ended,
    });
    let shown_panel = move || match panel.get() {
        Panel::Plan => view! { <Plan rebuild /> }.into_any(),
        Panel::Run => view! { <Run rebuild /> }.into_any(),
        Panel::Compare => view! { <Compare rebuild /> }.into_any(),
        Panel::Ended => view! { <Ended rebuild /> }.into_any(),
    };
    let in_code = rebuild.shown.model.with_untracked(|model| {
        model
            .versions
            .iter()
            .all(|version| version.definition.is_empty())
    });
    if in_code {
        return view! {
            <section>
                <h2>"Rebuild"</h2>
                <p class="dim">"It is a projection in code: the program that runs it rebuilds it. Read models of SQL are rebuilt here."</p>
            </section>
        }
        .into_any();
    }
    view! {
        <section id="rebuild" aria-label="Rebuild">
            <h2>"Rebuild"</h2>
            <div class="card">
                <Steps rebuild open />
                <div class="step-body">
                    <SaidLine said=rebuild.said />
                    {shown_panel}
                    <PreviousVersion rebuild open />
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// The steps in a row, the open one marked.
#[component]
fn Steps(
    /// What the section shows.
    rebuild: Rebuild,
    /// The open step.
    open: Memo<Step>,
) -> impl IntoView {
    let items = Step::ALL.map(|of| {
        let marked = Memo::new(move |_| rebuild.jobs.with(|jobs| mark(of, open.get(), jobs)));
        let note = Memo::new(move |_| note(rebuild, of, open.get()));
        let class = move || match marked.get() {
            Mark::Done => "done",
            Mark::Failed => "failed",
            Mark::Now => "now",
            Mark::Later => "later",
        };
        let sign = move || match marked.get() {
            Mark::Done => "✓".to_owned(),
            Mark::Failed => "✕".to_owned(),
            Mark::Now | Mark::Later => Step::ALL
                .iter()
                .position(|step| *step == of)
                .map_or_else(String::new, |at| (at + 1).to_string()),
        };
        let here = move || (open.get() == of).then_some("step");
        view! {
            <li class=class aria-current=here>
                <span class="sign">{sign}</span>
                <span class="step">{of.name()}</span>
                <span class="dim">{move || note.get()}</span>
            </li>
        }
        .into_any()
    });
    view! { <ol class="steps">{items.into_iter().collect_view()}</ol> }.into_any()
}

/// What became of a step, in a few words.
fn note(rebuild: Rebuild, of: Step, open: Step) -> String {
    if of > open || open == Step::Plan {
        return String::new();
    }
    rebuild.jobs.with(|jobs| {
        let built = newest(jobs, JobKind::Rebuild);
        let told = match of {
            Step::Plan => built.and_then(|job| {
                let plan: RebuildPlan = serde_json::from_value(job.plan.clone()).ok()?;
                let events = counted(plan.matching, "event", "events");
                Some(match plan.duration {
                    Some(eta) => format!("{events}, {}", format::between(eta.from, eta.to)),
                    None => events,
                })
            }),
            Step::Run => built.map(|job| match job.state {
                JobState::Running | JobState::Planned => format!("{} %", percent(job)),
                JobState::Done => {
                    let seconds = job
                        .numbers
                        .get("seconds")
                        .and_then(serde_json::Value::as_f64);
                    let time = seconds.map(seconds_of_work);
                    let rate = mean_rate(job).map(|rate| format!("{} / s", format::rate(rate)));
                    [time, rate]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join(", ")
                }
                other => other.as_str().to_owned(),
            }),
            Step::Diff => rebuild.current_diff().map(|diff| told_of(&diff)),
            Step::Promote | Step::Verified => newest(jobs, JobKind::Promote)
                .filter(|_| open >= Step::Verified)
                .map(|job| match (of, job.state) {
                    (Step::Promote, _) => format!("by {}", job.actor),
                    (_, JobState::Done) => String::new(),
                    (_, JobState::Cancelled) => "gone back before".to_owned(),
                    (_, state) => state.as_str().to_owned(),
                }),
            Step::GoBack => newest(jobs, JobKind::GoBack).map(|job| job.state.as_str().to_owned()),
        };
        told.unwrap_or_default()
    })
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
