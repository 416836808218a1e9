//! After a promotion: whether it is verified, and the way back to the previous version.

use highwater_model::{Job, JobKind, JobState, VersionRole};
use leptos::prelude::*;

use super::read_model_orders::Said;
use super::read_model_rebuild::{Rebuild, current_job};
use super::read_model_rebuild_promote::Discard;
use super::read_model_rebuild_run::{Ordered, Running};
use super::read_model_rebuild_step::{Step, running};
use crate::api::Api;
use crate::components::reason_form::ReasonForm;
use crate::format;

/// The job that changes or changed which version is live.
#[component]
pub fn Ended(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let job = current_job(rebuild);
    // A job without events to handle has no progress, only an end.
    let progress = Memo::new(move |_| {
        job.with(|job| {
            job.as_ref()
                .is_some_and(|job| !job.state.is_over() && job.kind == JobKind::GoBack)
        })
    });
    let verdict = Memo::new(move |_| job.with(|job| job.as_ref().map(verdict)));
    let told = move || {
        let (class, words) = verdict.get()?;
        Some(view! { <p class=class>{words}</p> })
    };
    let plan = move |_| {
        rebuild.order(async move {
            let plan = Api::from_context().plan(&rebuild.name()).await?;
            let _ = rebuild.plan.try_set(Some(plan));
            Ok(Said::done("Planned. Nothing is changed yet."))
        });
    };
    let over = Memo::new(move |_| rebuild.jobs.with(|jobs| running(jobs).is_none()));
    let ordered = move || {
        let first = job.get_untracked()?;
        let known = Memo::new(move |_| job.get().unwrap_or_else(|| first.clone()));
        Some(view! { <Ordered job=known /> })
    };
    view! {
        <div role="status">{told}</div>
        <Show when=move || progress.get() fallback=move || view! { {ordered} }>
            <Running rebuild />
        </Show>
        <div class="bar" class:hidden=move || !over.get()>
            <button type="button" aria-disabled=move || rebuild.busy.get().then_some("true") on:click=plan>
                "Plan another rebuild"
            </button>
        </div>
    }
    .into_any()
}

/// What there is to say of a job that changes which version is live, and how it looks.
fn verdict(job: &Job) -> (&'static str, String) {
    let outcome = job.outcome.clone().unwrap_or_default();
    match (job.state, job.kind) {
        (JobState::Planned | JobState::Running, JobKind::GoBack) => (
            "notice",
            "The previous version catches up with what happened since. Readers query the live one until then.".to_owned(),
        ),
        (JobState::Planned | JobState::Running, _) => (
            "notice",
            "The new version is live. It is looked after: has it moved, are its rows there, does it go on?".to_owned(),
        ),
        (JobState::Done, _) => ("notice done", format!("{}.", format::capital(&outcome))),
        (JobState::Failed, _) => ("notice bad", format!("Failed: {outcome}.")),
        (JobState::Cancelled, _) => ("notice", format!("{}.", format::capital(&outcome))),
    }
}

/// The version before the live one: the way back, until somebody discards it.
#[component]
pub fn PreviousVersion(
    /// What the section shows.
    rebuild: Rebuild,
    /// The open step.
    open: Memo<Step>,
) -> impl IntoView {
    let there = Memo::new(move |_| {
        let free = rebuild
            .jobs
            .with(|jobs| running(jobs).is_none_or(|job| job.kind == JobKind::Promote));
        free && rebuild.version_name(VersionRole::Previous).is_some()
    });
    // The first thing to see where it is the next step; folded away while another rebuild goes on.
    let first = Memo::new(move |_| matches!(open.get(), Step::Verified | Step::GoBack));
    view! {
        <Show when=move || there.get()>
            <details class="part previous" open=move || first.get()>
                <summary>
                    {move || {
                        format!(
                            "Go back to {}, the previous version",
                            rebuild.version_name(VersionRole::Previous).unwrap_or_default(),
                        )
                    }}
                </summary>
                <GoBack rebuild />
            </details>
        </Show>
    }
    .into_any()
}

#[component]
fn GoBack(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let names = Memo::new(move |_| {
        let name = |role| rebuild.version_name(role).unwrap_or_default();
        (name(VersionRole::Live), name(VersionRole::Previous))
    });
    let give = Callback::new(move |reason: String| {
        rebuild.order(async move {
            let job = Api::from_context().go_back(&rebuild.name(), reason).await?;
            Ok(Said::begun(
                job.id,
                format!("Job {} brings the previous version back.", job.id),
            ))
        });
    });
    view! {
        <dl class="facts plan">
            <dt>"now"</dt>
            <dd>{move || format!("readers query {}; {} is kept beside it with its rows and their disk, and stands still", names.get().0, names.get().1)}</dd>
            <dt>"then"</dt>
            <dd>
                {move || {
                    let (live, previous) = names.get();
                    format!("{previous} handles what happened since, then readers query it in one moment; {live} is the previous version then")
                }}
            </dd>
        </dl>
        <ReasonForm
            label="Why you go back"
            button=Signal::derive(move || format!("Go back to {}", names.get().1))
            needed=true
            quiet=true
            busy=rebuild.busy
            give
        />
        <details class="part">
            <summary>"Discard the previous version…"</summary>
            <Discard rebuild role=VersionRole::Previous>"Its rows go and their disk is free. There is no way back then."</Discard>
        </details>
    }
    .into_any()
}
