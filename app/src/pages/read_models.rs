//! `/read-models`: is everything caught up, and if not, what is worst? Below them the subscriptions, which are the readers outside.

use std::cmp::Reverse;

use highwater_model::{Maintenance, ReadModel, ReadModelState, RefusedDefinition};
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use super::Loading;
use super::maintenance::BeginMaintenance;
use super::subscriptions::SubscriptionsSection;
use crate::api::{Answer, Api, escape};
use crate::components::command::Command;
use crate::components::problem::ErrorNotice;
use crate::components::read_model_state::{StateBadge, badness, counted, matching, seconds, word};
use crate::components::refused_definitions::RefusedDefinitions;
use crate::format;
use crate::live::{follow_read_models, on_pulse};

/// Refused definitions are not in the feed: they are read this often.
const REFUSED_APART_MS: f64 = 5_000.0;

/// The list of read models.
#[component]
pub fn ReadModelsPage() -> impl IntoView {
    let found = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { read(&api).await }
        },
    );
    view! {
        <Title text="Read models" />
        <h1>"Read models"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(First { models, refused, maintenance }) => {
                        view! {
                            <BeginMaintenance first=maintenance />
                            <Refused refused />
                            <Found models />
                        }
                            .into_any()
                    }
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
        <SubscriptionsSection />
    }
    .into_any()
}

/// What the page reads at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct First {
    models: Vec<ReadModel>,
    refused: Vec<RefusedDefinition>,
    maintenance: Option<Maintenance>,
}

async fn read(api: &Api) -> Answer<First> {
    Ok(First {
        models: api.read_models().await?,
        refused: api.refused_definitions().await?,
        maintenance: api.maintenance().await?.maintenance,
    })
}

/// Definitions of the folder that are refused, and from there on what becomes of them.
#[component]
fn Refused(
    /// Read when the page was rendered.
    refused: Vec<RefusedDefinition>,
) -> impl IntoView {
    let refused = RwSignal::new(refused);
    on_pulse(REFUSED_APART_MS, move || {
        Box::pin(async move {
            if let Ok(fresh) = Api::from_context().refused_definitions().await {
                let _ = refused.try_set(fresh);
            }
        })
    });
    view! { <RefusedDefinitions refused /> }.into_any()
}

/// What was found, and from there on what changes.
#[component]
fn Found(
    /// Read when the page was rendered.
    models: Vec<ReadModel>,
) -> impl IntoView {
    let models = RwSignal::new(worst_first(models));
    // Rows keep their places while somebody points at them.
    let still = RwSignal::new(false);
    follow_read_models(models, move |models, fresh| {
        place(models, fresh, still.get_untracked());
    });
    let summary = move || models.with(|models| summary(models));
    let empty = Memo::new(move |_| models.with(Vec::is_empty));
    let rows = move || models.with(|models| models.iter().map(row).collect::<Vec<AnyView>>());
    view! {
        <Show when=move || !empty.get() fallback=NoReadModel>
            <p class="dim">{summary}</p>
            <WorstFirst class="card scroll" still>
                <table class="models">
                    <thead>
                        <tr>
                            <th>"state"</th>
                            <th>"read model"</th>
                            <th>"trend"</th>
                            <th class="n">"positions behind"</th>
                            <th class="n">"matching"</th>
                            <th class="n">"oldest"</th>
                            <th class="n">"events / s"</th>
                            <th class="n">"failures"</th>
                            <th class="n">"stands on"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </WorstFirst>
        </Show>
    }
    .into_any()
}

/// What holds a table whose rows are sorted anew: says when somebody points at its rows, so that they keep their places.
#[component]
pub fn WorstFirst(
    /// Its classes.
    class: &'static str,
    /// What the table is.
    #[prop(default = "Read models, worst first")]
    label: &'static str,
    /// Set while somebody does.
    still: RwSignal<bool>,
    /// The table.
    children: Children,
) -> impl IntoView {
    view! {
        <div
            class=class
            tabindex="0"
            role="region"
            aria-label=label
            on:pointerenter=move |_| still.set(true)
            on:pointerleave=move |_| still.set(false)
            on:focusin=move |_| still.set(true)
            on:focusout=move |_| still.set(false)
        >
            {children()}
        </div>
    }
    .into_any()
}

fn row(model: &ReadModel) -> AnyView {
    let name = model.name.clone();
    let lag = model.lag;
    let live = model.versions.first();
    let failures = live.map_or(0, |version| version.failures);
    let (position, event_id) = match &model.stands_on {
        Some(failure) => (failure.position, Some(failure.event_id)),
        None => (
            model.checkpoint,
            live.and_then(|version| version.checkpoint_event_id),
        ),
    };
    let stands = format::number(position.0);
    let stands = match event_id {
        Some(id) => view! { <a href=format!("/events/{id}")>{stands}</a> }.into_any(),
        None => stands.into_any(),
    };
    let waits = model.versions.len() > 1;
    view! {
        <tr>
            <td>
                <StateBadge state=model.state />
            </td>
            <td class="wide">
                <a class="mono" href=format!("/read-models/{}", escape(&name))>
                    {name.clone()}
                </a>
                {waits.then(|| view! { <span class="chip">{format!("{} versions", model.versions.len())}</span> })}
                <span class="dim" title=model.describe.clone()>{model.describe.clone()}</span>
            </td>
            <td class="trend">{model.trend.clone()}</td>
            <td class="n">{format::number(lag.positions)}</td>
            <td class="n">{matching(lag).replace(" matching", "")}</td>
            <td class="n">{seconds(lag)}</td>
            <td class="n">{format::rate(model.rate)}</td>
            <td class="n" class:bad=failures != 0>
                {format::number(failures)}
            </td>
            <td class="n">{stands}</td>
        </tr>
    }
    .into_any()
}

/// No read model yet.
#[component]
pub fn NoReadModel() -> impl IntoView {
    view! {
        <section class="notice">
            <h2>"No read model yet"</h2>
            <p>
                "A read model is SQL that turns events into tables. Write it to a file, hand it in, and it starts with the first event. \
                This one counts the events of each category:"
            </p>
            <Command text=EXAMPLE />
            <p>"The server also takes a folder of such files:"</p>
            <Command text="highwater serve --read-models ./read-models" />
        </section>
    }
    .into_any()
}

const EXAMPLE: &str =
    "curl -X PUT http://127.0.0.1:3000/api/read-models/events_by_category --data-binary @- <<'SQL'
-- highwater: events *
-- highwater: describe Events of each category
-- highwater: tables
create table events_by_category (category text primary key, events bigint not null);
-- highwater: slice
insert into events_by_category select category, count(*) from events group by 1
on conflict (category) do update set events = events_by_category.events + excluded.events;
SQL";

/// `5 read models: 1 faulted, 4 live`.
fn summary(models: &[ReadModel]) -> String {
    let count = |state: ReadModelState| models.iter().filter(|model| model.state == state).count();
    let parts: Vec<String> = ReadModelState::ALL
        .into_iter()
        .rev()
        .filter(|state| count(*state) > 0)
        .map(|state| format!("{} {}", count(state), word(state)))
        .collect();
    let all = i64::try_from(models.len()).unwrap_or(i64::MAX);
    format!(
        "{}: {}",
        counted(all, "read model", "read models"),
        parts.join(", ")
    )
}

/// The worst first.
pub(super) fn worst_first(mut models: Vec<ReadModel>) -> Vec<ReadModel> {
    // Below two seconds a lag is noise: live ones keep the order of their names.
    #[expect(clippy::cast_possible_truncation, reason = "seconds, to sort by")]
    let late = |model: &ReadModel| {
        if model.lag.seconds < 2.0 {
            0
        } else {
            model.lag.seconds as i64
        }
    };
    models.sort_by_cached_key(|model| {
        (
            Reverse(badness(model)),
            Reverse(late(model)),
            model.name.clone(),
        )
    });
    models
}

/// Puts what is fresh where it was, or worst first.
pub(super) fn place(shown: &mut Vec<ReadModel>, mut fresh: Vec<ReadModel>, still: bool) {
    if still {
        fresh.sort_by_key(|model| {
            shown
                .iter()
                .position(|before| before.name == model.name)
                .unwrap_or(usize::MAX)
        });
        *shown = fresh;
    } else {
        *shown = worst_first(fresh);
    }
}
