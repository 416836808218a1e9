//! What is done, in small cards of the overview: jobs, the last actions.

use highwater_model::{Action, Job};
use jiff::Timestamp;
use leptos::prelude::*;

use super::overview_cards::LINES;
use crate::components::actions::of;
use crate::components::job::{JobBadge, ReadyIn, does_to, percent};
use crate::components::zone;
use crate::format;

/// What runs, with when it will be ready; then what ran last.
#[component]
pub fn Jobs(
    /// The newest ones.
    jobs: RwSignal<Vec<Job>>,
) -> impl IntoView {
    let ids = Memo::new(move |_| {
        jobs.with(|jobs| {
            let running = jobs.iter().filter(|job| !job.state.is_over());
            let over = jobs.iter().filter(|job| job.state.is_over());
            running
                .chain(over)
                .map(|job| job.id)
                .take(LINES)
                .collect::<Vec<_>>()
        })
    });
    let running = move || jobs.with(|jobs| jobs.iter().filter(|job| !job.state.is_over()).count());
    let head = move || match running() {
        0 => "Jobs".to_owned(),
        1 => "1 job runs".to_owned(),
        count => format!("{count} jobs run"),
    };
    let lines = move || {
        let ids = ids.get();
        if ids.is_empty() {
            let none = "No job has run yet: a rebuild, a replay or a promotion is one.";
            return view! { <li class="dim">{none}</li> }.into_any();
        }
        ids.into_iter()
            .map(|id| view! { <JobLine id jobs /> })
            .collect_view()
            .into_any()
    };
    view! {
        <section class="card lines" aria-label="Jobs">
            <h3>
                <a href="/jobs">{head}</a>
            </h3>
            <ul>{lines}</ul>
        </section>
    }
    .into_any()
}

/// One of them. It changes in its place.
#[component]
fn JobLine(
    /// Which.
    id: i64,
    /// All of them.
    jobs: RwSignal<Vec<Job>>,
) -> impl IntoView {
    let job = Memo::new(move |_| jobs.with(|jobs| jobs.iter().find(|job| job.id == id).cloned()));
    let over =
        Memo::new(move |_| job.with(|job| job.as_ref().is_none_or(|job| job.state.is_over())));
    move || {
        let over = over.get();
        let first = job.get_untracked()?;
        let what = format!(
            "{} {}",
            format::capital(does_to(first.kind)),
            first.read_model
        );
        let now = Signal::derive(move || job.get().unwrap_or_else(|| first.clone()));
        let state = if over {
            view! { <JobBadge state=Signal::derive(move || now.with(|job| job.state)) /> }
                .into_any()
        } else {
            view! {
                <progress
                    aria-label="Events handled"
                    max="100"
                    value=move || now.with(percent)
                    prop:value=move || now.with(|job| f64::from(i32::try_from(percent(job)).unwrap_or(100)))
                ></progress>
                <span>{move || now.with(|job| format!("{} %", percent(job)))}</span>
                <span class="dim">
                    "ready "
                    <ReadyIn job=now />
                </span>
            }
            .into_any()
        };
        Some(view! {
            <li>
                <a class="name" href=format!("/jobs/{id}")>
                    {what}
                </a>
                {state}
            </li>
        })
    }
}

/// What operators did last.
#[component]
pub fn LastActions(
    /// The newest first.
    actions: RwSignal<Vec<Action>>,
    /// The server's clock.
    #[prop(into)]
    now: Signal<Timestamp>,
) -> impl IntoView {
    // The day changes once a day, the clock all the time.
    let zone = zone();
    let lines = move || {
        actions.with(|actions| {
            if actions.is_empty() {
                let none = "Nobody has done anything yet.";
                return view! { <li class="dim">{none}</li> }.into_any();
            }
            let now = now.get_untracked();
            let shown = actions.iter().take(LINES);
            shown
                .map(|action| action_line(action, now, zone.at(action.at)))
                .collect_view()
                .into_any()
        })
    };
    view! {
        <section class="card lines" aria-label="Last actions">
            <h3>
                <a href="/audit">"Last actions"</a>
            </h3>
            <ul>{lines}</ul>
        </section>
    }
    .into_any()
}

fn action_line(action: &Action, now: Timestamp, zone: i32) -> AnyView {
    let at = format::short_time(action.at, now, zone);
    let of = of(action).map(|(href, name)| {
        view! {
            <a class="mono name" href=href>
                {name}
            </a>
        }
    });
    let by = match &action.reason {
        Some(reason) => format!("{}: {reason}", action.actor),
        None => action.actor.clone(),
    };
    let title = format!("{by} · {}", action.outcome);
    view! {
        <li>
            <time class="mono dim" datetime=action.at.to_string() title=action.at.to_string()>
                {at}
            </time>
            <b>{action.action.replace('_', " ")}</b>
            {of}
            <span class="why dim" title=title>
                {by.clone()}
            </span>
        </li>
    }
    .into_any()
}
