//! The guided rebuild: plan, run, diff, promote, verified, go back; one step is open.

use highwater_model::{JobKind, JobState, RebuildPlan, VersionRole};
use leptos::prelude::*;

use super::read_model_orders::SaidLine;
use super::read_model_rebuild::{Rebuild, told_of};
use super::read_model_rebuild_back::{Ended, PreviousVersion};
use super::read_model_rebuild_diff::Compare;
use super::read_model_rebuild_plan::Plan;
use super::read_model_rebuild_run::Run;
use super::read_model_rebuild_step::{Mark, Step, mark, newest, step, version};
use crate::api::Api;
use crate::components::job::{mean_rate, percent, seconds_of_work};
use crate::components::read_model_state::counted;
use crate::format;
use crate::live::{on_jobs, on_pulse};

/// A shadow's state is not in the feed: while there is one, it is read this often.
const APART_MS: f64 = 1_400.0;

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
