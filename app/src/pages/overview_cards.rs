//! What is wrong, in small cards of the overview: failures, checks that are not good.

use highwater_model::{CheckVerdict, ReadModel, ReadModelState, StoreCheck};
use leptos::prelude::*;

use crate::api::escape;
use crate::format;

/// Lines of a card.
pub(super) const LINES: usize = 5;

/// A line that says how many there are beyond those that are shown.
fn more(all: usize, href: &'static str) -> Option<AnyView> {
    let more = all.saturating_sub(LINES);
    (more > 0).then(|| {
        view! {
            <li>
                <a href=href>{format!("{more} more")}</a>
            </li>
        }
        .into_any()
    })
}

/// Read models that do not go on by themselves, with the event that each stands on.
#[component]
pub fn Failures(
    /// All of them.
    models: RwSignal<Vec<ReadModel>>,
) -> impl IntoView {
    let failing = Memo::new(move |_| {
        models.with(|models| {
            models
                .iter()
                .filter(|model| fails(model))
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let lines = move || {
        failing.with(|failing| {
            if failing.is_empty() {
                let fine = "No read model stands on an event.";
                return view! { <li class="dim">{fine}</li> }.into_any();
            }
            let shown = failing.iter().take(LINES).map(failure).collect_view();
            view! {
                {shown}
                {more(failing.len(), "/read-models")}
            }
            .into_any()
        })
    };
    view! {
        <section class="card lines" class:bad-card=move || !failing.with(Vec::is_empty) aria-label="Failures">
            <h3>
                <a href="/read-models">"Failures"</a>
            </h3>
            <ul>{lines}</ul>
        </section>
    }
    .into_any()
}

fn fails(model: &ReadModel) -> bool {
    model.stands_on.is_some()
        || matches!(
            model.state,
            ReadModelState::Faulted | ReadModelState::Stopped
        )
}

fn failure(model: &ReadModel) -> AnyView {
    let path = format!("/read-models/{}", escape(&model.name));
    let (stands, why) = match &model.stands_on {
        Some(failure) => (
            Some((
                failure.event_id,
                format!("event {}", format::number(failure.position.0)),
            )),
            failure.error.clone(),
        ),
        None => (None, model.reason.clone().unwrap_or_default()),
    };
    let stands = stands.map(|(id, words)| view! { <a href=format!("/events/{id}")>{words}</a> });
    let tries = model.stands_on.as_ref().map(|failure| {
        if failure.attempts == 1 {
            "tried once".to_owned()
        } else {
            format!("tried {} times", failure.attempts)
        }
    });
    view! {
        <li>
            <a class="mono name" href=path>
                {model.name.clone()}
            </a>
            {stands}
            <span class="dim">{tries}</span>
            <span class="why bad" title=why.clone()>
                {why.clone()}
            </span>
        </li>
    }
    .into_any()
}

/// Checks of the store that are not good.
#[component]
pub fn BadChecks(
    /// All of them; none: they could not be made.
    #[prop(into)]
    checks: Signal<Option<Vec<StoreCheck>>>,
) -> impl IntoView {
    let lines = move || {
        checks.with(|checks| {
            let Some(checks) = checks else {
                let why = "The checks could not be made; the store's page says why.";
                return view! { <li class="dim">{why}</li> }.into_any();
            };
            let mut bad: Vec<&StoreCheck> = checks
                .iter()
                .filter(|check| check.verdict != CheckVerdict::Good)
                .collect();
            bad.sort_by_key(|check| std::cmp::Reverse(check.verdict));
            if bad.is_empty() {
                let fine = format!("{} checks are good.", checks.len());
                return view! { <li class="dim">{fine}</li> }.into_any();
            }
            let good = checks.len() - bad.len();
            let shown = bad
                .iter()
                .take(LINES)
                .map(|check| check_line(check))
                .collect_view();
            view! {
                {shown}
                {more(bad.len(), "/store")}
                <li class="dim">{format!("{good} others are good.")}</li>
            }
            .into_any()
        })
    };
    view! {
        <section class="card lines" aria-label="Checks of the store">
            <h3>
                <a href="/store">"Checks"</a>
            </h3>
            <ul>{lines}</ul>
        </section>
    }
    .into_any()
}

fn check_line(check: &StoreCheck) -> AnyView {
    let (class, shape, word) = match check.verdict {
        CheckVerdict::Good => ("good", "✓", "good"),
        CheckVerdict::Advice => ("warn", "▲", "advice"),
        CheckVerdict::Wrong => ("bad", "✕", "wrong"),
    };
    let todo = check.todo.clone().unwrap_or_default();
    let place = if check.name == "flows" {
        "/flows?shown=late&order=oldest"
    } else {
        "/store"
    };
    view! {
        <li>
            <span class=class>
                <i aria-hidden="true">{shape}</i>
                " "
                {word}
            </span>
            <a class="name" href=place title=todo>
                {check.name.clone()}
            </a>
            <span class="why dim" title=check.found.clone()>
                {check.found.clone()}
            </span>
        </li>
    }
    .into_any()
}
