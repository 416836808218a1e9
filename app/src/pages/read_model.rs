//! `/read-models/{name}`: how is this read model, what is it made of, and what does it need from me?

use highwater_model::{Action, Failure, Job, ReadModel, ReadModelState};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::read_model_definition::Versions;
use super::read_model_failures::{Failures, StandsOn};
use super::read_model_lag::LagCard;
use super::read_model_orders::{PauseButton, SaidLine, Shown, last_actions};
use super::read_model_rebuild::{Rebuild, RebuildSection, last_jobs};
use super::read_model_replay::ReplaySection;
use super::read_model_rows::Rows;
use crate::api::{Answer, Api, escape};
use crate::components::Time;
use crate::components::actions::Actions;
use crate::components::problem::{ErrorNotice, NotFound};
use crate::components::read_model_state::{StateBadge, matching, positions, seconds};
use crate::components::version_numbers::VersionNumbers;
use crate::format;
use crate::live::{Live, on_lag};

/// What the page reads at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    model: ReadModel,
    failures: Vec<Failure>,
    actions: Vec<Action>,
    jobs: Vec<Job>,
}

/// One read model.
#[component]
pub fn ReadModelPage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name").unwrap_or_default()));
    let found = Resource::new(
        move || name.get(),
        |name| {
            let api = Api::from_context();
            async move { read(api, name).await }
        },
    );
    view! {
        <Title text=move || name.get() />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <One found /> }.into_any(),
                    Err(error) if error.is_not_found() => {
                        view! { <NotFound what=format!("There is no read model {}.", name.get_untracked()) /> }.into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

async fn read(api: Api, name: String) -> Answer<Found> {
    Ok(Found {
        model: api.read_model(&name).await?,
        failures: api.failures(&name).await?,
        actions: api.actions(&last_actions(&name)).await?,
        jobs: api.jobs(&last_jobs(&name)).await?,
    })
}

/// What was found, and from there on what changes.
#[component]
fn One(
    /// Read when the page was rendered.
    found: Found,
) -> impl IntoView {
    let name = found.model.name.clone();
    let shown = Shown {
        model: RwSignal::new(found.model),
        failures: RwSignal::new(found.failures),
        actions: RwSignal::new(found.actions),
        said: RwSignal::new(None),
        busy: RwSignal::new(false),
    };
    let rebuild = Rebuild::new(shown, found.jobs);
    on_lag(move |said| shown.take_over(said));
    let state = Memo::new(move |_| shown.model.with(|model| model.state));
    // Another version may come with other words.
    let describe = Memo::new(move |_| shown.model.with(|model| model.describe.clone()));
    let versions = move || {
        shown.model.with(|model| {
            model
                .versions
                .iter()
                .map(|version| format!("version {} {}", version.number, version.role.as_str()))
                .collect::<Vec<_>>()
                .join(" · ")
        })
    };
    let acted = Memo::new(move |_| shown.actions.get());
    let numbers = Memo::new(move |_| shown.model.with(|model| VersionNumbers::of([model])));
    let jobs = format!("/jobs?read_model={}", escape(&name));
    let audit = format!("/audit?read_model={}", escape(&name));
    view! {
        <div class="bar heading">
            <h1 class="mono-name">{name.clone()}</h1>
            <StateBadge state />
            <span class="pill">{versions}</span>
            <span class="grow"></span>
            <PauseButton shown />
        </div>
        <SaidLine said=shown.said />
        <StandsOn shown />
        <Reason shown />
        {move || describe.get().map(|describe| view! { <p class="dim">{describe}</p> })}
        <Numbers shown />
        <LagCard name=name.clone() />
        <RebuildSection rebuild />
        <ReplaySection rebuild />
        <Failures shown />
        <Rows shown />
        <Versions shown />
        <section>
            <div class="bar">
                <h2>"Actions"</h2>
                <span class="grow"></span>
                <a href=jobs>"Its jobs"</a>
                <a href=audit>"All of them"</a>
            </div>
            {move || {
                let actions = acted.get();
                if actions.is_empty() {
                    view! { <p class="dim">"Nobody has done anything to it yet."</p> }.into_any()
                } else {
                    view! { <Actions actions of_many=false numbers=numbers.get() /> }.into_any()
                }
            }}
        </section>
    }
    .into_any()
}

/// Why it does not run, where no failed event says it.
#[component]
fn Reason(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let reason = Memo::new(move |_| {
        shown.model.with(|model| {
            let told = model.stands_on.is_none();
            (model.state, model.reason.clone().filter(|_| told))
        })
    });
    move || {
        let (state, reason) = reason.get();
        let reason = reason?;
        let (class, words) = match state {
            ReadModelState::Faulted => ("notice bad", "It can't go on"),
            ReadModelState::Stopped => ("notice bad", "Nobody runs it"),
            ReadModelState::Paused => ("notice", "Paused"),
            _ => ("notice", "Note"),
        };
        Some(
            view! {
                <p class=class>
                    <b>{words}</b>
                    {format!(" {reason}")}
                </p>
            }
            .into_any(),
        )
    }
}

/// Lag, trend, throughput, where it stands, failures.
#[component]
fn Numbers(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let live = expect_context::<Live>();
    let model = shown.model;
    let since = Memo::new(move |_| model.with(|model| model.since));
    let stands = Memo::new(move |_| {
        model.with(|model| match &model.stands_on {
            Some(failure) => (failure.position, Some(failure.event_id)),
            None => (
                model.checkpoint,
                model
                    .versions
                    .first()
                    .and_then(|version| version.checkpoint_event_id),
            ),
        })
    });
    let moved = Memo::new(move |_| {
        model.with(|model| model.versions.first().and_then(|version| version.moved_at))
    });
    // The browser's clock may be off, and there is none while the page is rendered: the exact time stands on hover.
    let stood = move || {
        let (now, moved) = (live.now.get()?, moved.get()?);
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds")]
        let stood = (now as i64 - moved.as_millisecond()).max(0);
        Some(if stood < 2_000 {
            "moved just now".to_owned()
        } else {
            format!("for {}", format::span(stood))
        })
    };
    let position = move || {
        let (position, id) = stands.get();
        let words = format::number(position.0);
        match id {
            Some(id) => view! { <a href=format!("/events/{id}")>{words}</a> }.into_any(),
            None => words.into_any(),
        }
    };
    let failures = Memo::new(move |_| {
        model.with(|model| model.versions.first().map_or(0, |version| version.failures))
    });
    let handled = move || {
        model.with(|model| {
            format!(
                "{} handled in all",
                format::number(model.versions.first().map_or(0, |version| version.handled))
            )
        })
    };
    view! {
        <dl class="card numbers">
            <div>
                <dt>"lag"</dt>
                <dd>
                    <strong>{move || model.with(|model| seconds(model.lag))}</strong>
                    <span>{move || model.with(|model| format!("{} · {}", positions(model.lag), matching(model.lag)))}</span>
                </dd>
            </div>
            <div>
                <dt>"trend"</dt>
                <dd>
                    <strong class="words">{move || model.with(|model| model.trend.clone())}</strong>
                    <span>"since " {move || view! { <Time at=since.get() /> }}</span>
                </dd>
            </div>
            <div>
                <dt>"throughput"</dt>
                <dd>
                    <strong>{move || model.with(|model| format!("{} / s", format::rate(model.rate)))}</strong>
                    <span>{handled}</span>
                </dd>
            </div>
            <div>
                <dt>"stands on event"</dt>
                <dd>
                    <strong>{position}</strong>
                    <span title=move || moved.get().map(|moved| moved.to_string())>{stood}</span>
                </dd>
            </div>
            <div>
                <dt>"failures to decide on"</dt>
                <dd>
                    <strong class:bad=move || failures.get() != 0>{move || format::number(failures.get())}</strong>
                </dd>
            </div>
        </dl>
    }
    .into_any()
}
