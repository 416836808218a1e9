//! `/jobs/{id}`: how does this job go, what was planned, what came of it?

use highwater_model::{Action, Job, JobKind, ReadModel, RebuildPlan};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::job_orders::{JobOrders, Order};
use super::read_model_orders::{Said, SaidLine};
use super::read_model_rebuild_plan::facts;
use crate::api::{ActionsRequest, Answer, Api, ApiError, escape};
use crate::components::Time;
use crate::components::actions::Actions;
use crate::components::job::{JobBadge, JobProgress, does_to, numbers, took};
use crate::components::problem::{ErrorNotice, NotFound};
use crate::components::version_numbers::VersionNumbers;
use crate::format;
use crate::live::{is_late, on_jobs};

/// Its newest actions; a job has a handful.
const ACTIONS: usize = 500;

/// What the page reads at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    job: Job,
    /// None once it is gone.
    model: Option<ReadModel>,
    actions: Vec<Action>,
}

/// One job.
#[component]
pub fn JobPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let found = Resource::new(
        move || id.get(),
        |id| {
            let api = Api::from_context();
            async move {
                match id.parse() {
                    Ok(id) => read(api, id).await.map(Some),
                    Err(_) => Ok(None),
                }
            }
        },
    );
    let missing =
        move || view! { <NotFound what=format!("There is no job {}.", id.get_untracked()) /> };
    view! {
        <Title text=move || format!("Job {}", id.get()) />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(Some(found)) => view! { <One found /> }.into_any(),
                    Ok(None) => missing().into_any(),
                    Err(error) if error.is_not_found() => missing().into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

async fn read(api: Api, id: i64) -> Answer<Found> {
    let job = api.job(id).await?;
    Ok(Found {
        model: api.read_model(&job.read_model).await.ok(),
        actions: actions_of(&api, id).await?,
        job,
    })
}

/// The order, what was done to the job, and what came of it.
async fn actions_of(api: &Api, id: i64) -> Answer<Vec<Action>> {
    api.actions(&ActionsRequest {
        job: Some(id),
        limit: ACTIONS,
        ..ActionsRequest::default()
    })
    .await
}

/// What was found, and from there on what changes.
#[component]
fn One(
    /// Read when the page was rendered.
    found: Found,
) -> impl IntoView {
    let Found {
        job: first,
        model,
        actions,
    } = found;
    let versions = VersionNumbers::of(&model);
    let (id, kind, name) = (first.id, first.kind, first.read_model.clone());
    let version = first.version_id.map_or_else(
        || "none: its version is gone".to_owned(),
        |id| versions.name(id),
    );
    let plan: Option<RebuildPlan> = serde_json::from_value(first.plan.clone()).ok();
    let ordered = (first.actor.clone(), first.reason.clone(), first.created_at);
    let job = RwSignal::new(first);
    let actions = RwSignal::new(actions);
    let read_actions = move || async move {
        if let Ok(fresh) = actions_of(&Api::from_context(), id).await {
            let _ = actions.try_set(fresh);
        }
    };
    on_jobs(move |said| {
        let Some(fresh) = said.iter().find(|one| one.id == id) else {
            return;
        };
        if job.with_untracked(|job| is_late(job, fresh)) {
            return;
        }
        let before = job.with_untracked(|job| (job.state, job.speed_limit));
        if job.with_untracked(|job| job != fresh) {
            job.set(fresh.clone());
        }
        if before != (fresh.state, fresh.speed_limit) {
            leptos::task::spawn_local(read_actions());
        }
    });
    let (said, busy) = (RwSignal::new(None::<Said>), RwSignal::new(false));
    let give = Callback::new(move |order: Order| {
        busy.set(true);
        said.set(None);
        leptos::task::spawn_local(async move {
            let came = order.give().await.unwrap_or_else(|error| match error {
                ApiError::Refused(_) => Said::failed(error.nothing_changed()),
                error => Said::failed(error.to_string()),
            });
            if let Ok(fresh) = Api::from_context().job(order.id).await {
                let _ = job.try_set(fresh);
            }
            read_actions().await;
            let _ = said.try_set(Some(came));
            let _ = busy.try_set(false);
        });
    });
    let state = Memo::new(move |_| job.with(|job| job.state));
    let over = Memo::new(move |_| state.get().is_over());
    view! {
        <div class="bar heading">
            <h1>{format!("Job {id}: {} ", does_to(kind))} <a class="mono" href=format!("/read-models/{}", escape(&name))>{name.clone()}</a></h1>
            <JobBadge state />
        </div>
        <SaidLine said />
        <Verdict job />
        <Show when=move || !over.get() && kind != JobKind::Promote>
            <div class="card step-body">
                <JobProgress job />
                <JobOrders job=Signal::derive(move || Some(job.get())) busy give />
            </div>
        </Show>
        <section>
            <h2>"Facts"</h2>
            {facts_of(job, ordered, version)}
        </section>
        {plan
            .map(|plan| {
                view! {
                    <section>
                        <h2>"Plan that was shown"</h2>
                        {facts(&plan)}
                    </section>
                }
            })}
        <section>
            <h2>"Actions"</h2>
            {move || view! { <Actions actions=actions.get() of_many=false numbers=versions.clone() /> }}
        </section>
    }
    .into_any()
}

/// What came of it.
#[component]
fn Verdict(
    /// The job.
    job: RwSignal<Job>,
) -> impl IntoView {
    let outcome = Memo::new(move |_| job.with(|job| (job.state, job.outcome.clone())));
    let class = move || match outcome.get() {
        (_, None) => "hidden",
        (highwater_model::JobState::Done, _) => "notice done",
        (highwater_model::JobState::Failed, _) => "notice bad",
        _ => "notice",
    };
    view! {
        <div role="status" class="said">
            <p class=class>{move || outcome.get().1.map(|said| format!("{}.", format::capital(&said)))}</p>
        </div>
    }
    .into_any()
}

fn facts_of(
    job: RwSignal<Job>,
    (actor, reason, created_at): (String, Option<String>, jiff::Timestamp),
    version: String,
) -> AnyView {
    let ended = Memo::new(move |_| job.with(|job| job.ended_at));
    let told = move || {
        job.with(numbers)
            .into_iter()
            .map(|(name, said)| {
                view! {
                    <dt>{name}</dt>
                    <dd class="mono">{said}</dd>
                }
                .into_any()
            })
            .collect::<Vec<AnyView>>()
    };
    view! {
        <dl class="facts plan card facts-card">
            <dt>"ordered by"</dt>
            <dd>{actor}</dd>
            <dt>"why"</dt>
            <dd>{reason.unwrap_or_else(|| "no reason was given".to_owned())}</dd>
            <dt>"version"</dt>
            <dd>{version}</dd>
            <dt>"ordered"</dt>
            <dd>
                <Time at=created_at />
            </dd>
            <dt>"ended"</dt>
            <dd>{move || ended.get().map_or_else(|| view! { "not yet" }.into_any(), |at| view! { <Time at /> }.into_any())}</dd>
            <dt>"took"</dt>
            <dd>{move || job.with(took).unwrap_or_else(|| "not over yet".to_owned())}</dd>
            {told}
        </dl>
    }
    .into_any()
}
