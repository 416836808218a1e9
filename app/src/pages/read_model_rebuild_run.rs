//! The run: errors first, then progress, speed and the way out.

use highwater_model::{Failure, FailureOutcome, Job, JobKind, ReadModelState, VersionRole};
use leptos::prelude::*;

use super::job_orders::{JobOrders, Order};
use super::read_model_failures::{Consequence, Decide, SkipDialog, attempts, sqlstate};
use super::read_model_orders::Said;
use super::read_model_rebuild::{Rebuild, current_job};
use super::read_model_rebuild_promote::DiscardShadow;
use super::read_model_rebuild_step::{running, version};
use crate::api::{self, Api};
use crate::components::Time;
use crate::components::job::JobProgress;
use crate::format;

/// A shadow that is built.
#[component]
pub fn Run(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let runs = Memo::new(move |_| rebuild.jobs.with(|jobs| running(jobs).is_some()));
    view! {
        <ShadowFault rebuild />
        <Show when=move || runs.get() fallback=move || view! { <Ended rebuild /> }>
            <Running rebuild />
        </Show>
    }
    .into_any()
}

/// Progress of the job that runs, and what can be ordered of it.
#[component]
pub fn Running(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let job = current_job(rebuild);
    let give = Callback::new(move |order: Order| rebuild.order(order.give()));
    // Only shown while there is one.
    let Some(first) = job.get_untracked() else {
        return ().into_any();
    };
    let known = Memo::new(move |_| job.get().unwrap_or_else(|| first.clone()));
    view! {
        <Ordered job=known />
        <JobProgress job=known />
        <JobOrders job busy=rebuild.busy give />
    }
    .into_any()
}

/// Who ordered a job, when and why.
#[component]
pub fn Ordered(
    /// The job.
    #[prop(into)]
    job: Signal<Job>,
) -> impl IntoView {
    let facts = Memo::new(move |_| {
        job.with(|job| {
            (
                job.id,
                job.actor.clone(),
                job.reason.clone(),
                job.created_at,
            )
        })
    });
    move || {
        let (id, actor, reason, at) = facts.get();
        view! {
            <p class="dim">
                <a href=format!("/jobs/{id}")>{format!("Job {id}")}</a> {format!(", ordered by {actor} at ")} <Time at />
                {reason.map(|reason| format!(": {reason}"))}
            </p>
        }
    }
}

/// The job has ended, and the shadow is not fit to be compared.
#[component]
fn Ended(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let words = Memo::new(move |_| {
        let outcome = rebuild.jobs.with(|jobs| {
            jobs.iter()
                .find(|job| job.kind == JobKind::Rebuild)
                .and_then(|job| job.outcome.clone().map(|outcome| (job.id, outcome)))
        });
        let place = rebuild.shown.model.with(|model| {
            version(model, VersionRole::Shadow)
                .map(|shadow| (shadow.state, shadow.checkpoint, shadow.handled))
        });
        (outcome, place)
    });
    view! {
        {move || {
            let (outcome, place) = words.get();
            let place = place
                .map(|(state, checkpoint, handled)| {
                    let does = if state.is_running() { "goes on without a job and" } else { "is kept and" };
                    format!(
                        "The shadow {does} has handled {} events, everything up to {}.",
                        format::number(handled),
                        format::number(checkpoint.0),
                    )
                });
            view! {
                {outcome
                    .map(|(id, outcome)| {
                        view! {
                            <p>
                                <a href=format!("/jobs/{id}")>{format!("Job {id}")}</a>
                                {format!(" ended: {outcome}.")}
                            </p>
                        }
                    })}
                <p class="dim">{place}</p>
            }
                .into_any()
        }}
        <DiscardShadow rebuild />
    }
    .into_any()
}

/// The event that the shadow can't get past.
#[component]
fn ShadowFault(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let faulted = Memo::new(move |_| {
        rebuild.shown.model.with(|model| {
            version(model, VersionRole::Shadow)
                .filter(|shadow| shadow.state == ReadModelState::Faulted)
                .map(|shadow| (shadow.failures, shadow.since, shadow.reason.clone()))
        })
    });
    let failure = RwSignal::new(None::<Failure>);
    Effect::new(move || {
        let name = rebuild.name();
        if faulted.get().is_none() {
            failure.set(None);
            return;
        }
        leptos::task::spawn_local(async move {
            if let Ok(found) = Api::from_context().shadow_failures(&name).await {
                let open = found
                    .into_iter()
                    .filter(|failure| failure.outcome == FailureOutcome::Open)
                    .min_by_key(|failure| failure.position);
                let _ = failure.try_set(open);
            }
        });
    });
    let skipping = RwSignal::new(None::<Failure>);
    let order = move |order: api::Order, words: &'static str| {
        rebuild.order(async move {
            Api::from_context().order(&rebuild.name(), &order).await?;
            Ok(Said::done(words))
        });
    };
    let retry = Callback::new(move |()| {
        if let Some(failure) = failure.get_untracked() {
            let position = failure.position.0;
            let version = VersionRole::Shadow;
            order(
                api::Order::Retry { position, version },
                "The event is tried again; what comes of it stands here.",
            );
        }
    });
    let skip = move |(failure, reason): (Failure, String)| {
        let position = failure.position.0;
        let version = VersionRole::Shadow;
        order(
            api::Order::Skip {
                position,
                reason,
                version,
            },
            "The event is left out, on record; the shadow goes on with the one after it.",
        );
    };
    view! {
        {move || {
            let (_, _, reason) = faulted.get()?;
            let told = match failure.get() {
                Some(failure) => {
                    view! {
                        <h3>
                            "The shadow can't handle "
                            <a href=format!("/events/{}", failure.event_id)>
                                {format!("event {}", format::number(failure.position.0))}
                            </a>
                        </h3>
                        <p class="mono error">{failure.error}</p>
                        <p class="dim">
                            {sqlstate(failure.sqlstate)} {attempts(failure.attempts)} ", the last " <Time at=failure.last_at />
                            ". The live rows are not touched."
                        </p>
                    }
                        .into_any()
                }
                None => {
                    view! {
                        <h3>"The shadow can't go on"</h3>
                        <p class="mono error">{reason}</p>
                    }
                        .into_any()
                }
            };
            Some(view! { <div class="notice bad failing" role="alert">{told}</div> })
        }}
        <Decide failure busy=rebuild.busy skipping retry />
        <SkipDialog
            skipping
            consequence=move |failure: Failure| Consequence {
                now: format!("the shadow of {} stands on event {}", rebuild.name(), format::number(failure.position.0)),
                then: "The shadow goes on with the event after it. Its rows are without this event; the live rows don't change.",
            }
            skip
        />
    }
    .into_any()
}
