//! `/jobs`: what runs, what ran, who ordered it, why, and what came of it?

use highwater_model::{Job, JobKind, JobState};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;

use super::{Loading, downloads};
use crate::api::{Api, JobsRequest, escape};
use crate::components::Time;
use crate::components::job::{JobBadge, ReadyIn, kind_word, numbers, percent, took};
use crate::components::problem::ErrorNotice;
use crate::format;
use crate::live::{jobs, on_jobs};

/// Jobs on one page.
const PAGE: usize = 50;

/// The jobs.
#[component]
pub fn JobsPage() -> impl IntoView {
    let map = use_query_map();
    let request = Memo::new(move |_| {
        map.with(|map| JobsRequest {
            read_model: map.get("read_model").unwrap_or_default(),
            kind: map.get("kind").unwrap_or_default(),
            state: map.get("state").unwrap_or_default(),
            before: map.get("before").and_then(|before| before.parse().ok()),
            limit: PAGE,
        })
    });
    let found = Resource::new(
        move || request.get(),
        |request| {
            let api = Api::from_context();
            async move { api.jobs(&request).await }
        },
    );
    view! {
        <Title text="Jobs" />
        <h1>"Jobs"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(jobs) => view! { <Found jobs request=request.get_untracked() /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// What was found, and from there on what changes.
#[component]
fn Found(
    /// Read when the page was rendered.
    jobs: Vec<Job>,
    /// What was asked for.
    request: JobsRequest,
) -> impl IntoView {
    let older = older(&jobs, &request);
    let list = RwSignal::new(jobs);
    let wanted = request.clone();
    on_jobs(move |said| {
        let mut known = list.get_untracked();
        jobs::merge(&mut known, said, |job| fits(job, &wanted));
        if list.with_untracked(|list| *list != known) {
            list.set(known);
        }
    });
    let filtered = request
        != JobsRequest {
            limit: PAGE,
            ..JobsRequest::default()
        };
    let empty = Memo::new(move |_| list.with(Vec::is_empty));
    let none = move || {
        let words = if filtered {
            "No job is like this. Leave a field empty to see more."
        } else {
            "No job yet. A job runs when a read model is rebuilt, promoted, or brought back: open one under Read models and plan its rebuild."
        };
        view! { <p class="notice">{words}</p> }
    };
    let exports = downloads(&request.export("csv"), &request.export("ndjson"));
    view! {
        <Filters request />
        <Show when=move || !empty.get() fallback=none>
            <div class="card scroll" tabindex="0" role="region" aria-label="Jobs, newest first">
                <table class="jobs">
                    <thead>
                        <tr>
                            <th>"job"</th>
                            <th>"read model"</th>
                            <th>"state"</th>
                            <th>"progress, outcome"</th>
                            <th>"who, why"</th>
                            <th>"when"</th>
                            <th class="n">"took"</th>
                            <th>"numbers"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || list.get() key=|job| job.id let:job>
                            <Row job list />
                        </For>
                    </tbody>
                </table>
            </div>
        </Show>
        <div class="bar">
            {older} <span class="grow"></span> {exports}
        </div>
    }
    .into_any()
}

/// A job that began after the page was rendered belongs to it.
fn fits(job: &Job, request: &JobsRequest) -> bool {
    let is = |asked: &str, has: &str| asked.is_empty() || asked == has;
    request.before.is_none()
        && is(&request.read_model, &job.read_model)
        && is(&request.kind, job.kind.as_str())
        && is(&request.state, job.state.as_str())
}

fn older(jobs: &[Job], request: &JobsRequest) -> Option<AnyView> {
    let last = jobs.last().filter(|_| jobs.len() == PAGE)?;
    let href = format!(
        "/jobs?read_model={}&kind={}&state={}&before={}",
        escape(&request.read_model),
        escape(&request.kind),
        escape(&request.state),
        last.id
    );
    Some(
        view! {
            <a class="button" href=href>
                "Older jobs"
            </a>
        }
        .into_any(),
    )
}

/// One job, as it is now.
#[component]
fn Row(
    /// As it was when it came into the list.
    job: Job,
    /// The list, in which it changes.
    list: RwSignal<Vec<Job>>,
) -> impl IntoView {
    let (id, kind) = (job.id, job.kind);
    let (name, actor, reason, created_at) = (
        job.read_model.clone(),
        job.actor.clone(),
        job.reason.clone(),
        job.created_at,
    );
    let now = Memo::new(move |_| {
        list.with(|list| list.iter().find(|one| one.id == id).cloned())
            .unwrap_or_else(|| job.clone())
    });
    let state = Memo::new(move |_| now.with(|job| job.state));
    let over = Memo::new(move |_| state.get().is_over());
    let with_progress = !matches!(kind, JobKind::Promote | JobKind::RebuildPart);
    let outcome = move || now.with(|job| job.outcome.clone());
    let progress = move || {
        let bar = with_progress.then(|| {
            view! {
                <progress
                    aria-label=format!("Events that job {id} has handled")
                    max=move || now.with(|job| job.total.max(1))
                    value=move || now.with(|job| job.done)
                ></progress>
                <span class="mono">{move || now.with(|job| format!("{} % · {} / s · ready ", percent(job), format::rate(job.rate)))} <ReadyIn job=now.into() /></span>
            }
            .into_any()
        });
        bar.unwrap_or_else(|| view! { "it is live, and looked after" }.into_any())
    };
    let told = move || {
        now.with(|job| {
            numbers(job)
                .into_iter()
                .map(|(name, said)| format!("{name} {said}"))
                .collect::<Vec<_>>()
                .join(" · ")
        })
    };
    view! {
        <tr>
            <td>
                <a href=format!("/jobs/{id}")>{format!("{id} {}", kind_word(kind))}</a>
            </td>
            <td class="mono">
                <a href=format!("/read-models/{}", escape(&name))>{name.clone()}</a>
            </td>
            <td>
                <JobBadge state />
            </td>
            <td class="wrap">
                <Show when=move || over.get() fallback=progress>
                    {outcome}
                </Show>
            </td>
            <td class="wrap">{actor} {reason.map(|reason| format!(": {reason}"))}</td>
            <td class="mono dim">
                <Time at=created_at />
            </td>
            <td class="n">{move || now.with(took)}</td>
            <td class="mono dim">{told}</td>
        </tr>
    }
    .into_any()
}

/// The filters, a form that works without JavaScript.
#[component]
fn Filters(
    /// What is asked for.
    request: JobsRequest,
) -> impl IntoView {
    let option = |value: &'static str, words: String, asked: &str| {
        let selected = value == asked;
        view! {
            <option value=value selected=selected>
                {words}
            </option>
        }
        .into_any()
    };
    let kinds: Vec<AnyView> = JobKind::ALL
        .into_iter()
        .map(|kind| option(kind.as_str(), kind_word(kind).to_owned(), &request.kind))
        .collect();
    let states: Vec<AnyView> = JobState::ALL
        .into_iter()
        .map(|state| option(state.as_str(), state.as_str().to_owned(), &request.state))
        .collect();
    view! {
        <Form method="GET" action="/jobs" attr:class="line">
            <input type="search" name="read_model" value=request.read_model aria-label="Read model" placeholder="Read model" />
            <select name="kind" aria-label="Kind">
                <option value="">"Every kind"</option>
                {kinds}
            </select>
            <select name="state" aria-label="State">
                <option value="">"Every state"</option>
                {states}
            </select>
            <button type="submit">"Show"</button>
        </Form>
    }
    .into_any()
}
