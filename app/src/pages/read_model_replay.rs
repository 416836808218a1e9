//! Handling again what was handled, in the live rows: a replay from a position or a moment on, and the rows of one stream or category.

use highwater_model::{JobState, PartBody, PlanBody, PlanKind, Position, ReplayPlan};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::read_model_orders::{Said, SaidLine};
use super::read_model_rebuild::Rebuild;
use crate::api::{Api, escape};
use crate::components::read_model_state::counted;
use crate::components::reason_form::ReasonForm;
use crate::format;

/// The section; closed until somebody wants it.
#[component]
pub fn ReplaySection(
    /// The page's read model, and what came of orders to it.
    rebuild: Rebuild,
) -> impl IntoView {
    let said = RwSignal::new(None::<Said>);
    // Its own words stand here, not in the section of the rebuild.
    let here = Rebuild { said, ..rebuild };
    let jobs = format!("/jobs?read_model={}", escape(&rebuild.name()));
    let details = NodeRef::<leptos::html::Details>::new();
    let hash = use_location().hash;
    // Who was led here wants to see it.
    Effect::new(move |_| {
        if let (Some(details), "#replay") = (details.get(), hash.get().as_str()) {
            details.set_open(true);
        }
    });
    view! {
        <section id="replay" aria-label="Replay">
            <details class="part" node_ref=details>
                <summary>
                    <h2>"Replay"</h2>
                </summary>
                <p class="dim">
                    "Handles events again in the live rows. Only a definition that says it may "
                    <code>"-- highwater: replay-safe"</code> " is replayed, and only one with "
                    <code>"-- highwater: key stream"</code> " has the rows of one stream made again; for any other there is the rebuild above. "
                    <a href=jobs>"Its jobs"</a>
                </p>
                <SaidLine said />
                <Replay rebuild=here />
                <Part rebuild=here />
            </details>
        </section>
    }
    .into_any()
}

/// Where a replay begins, as it was typed: a position, or a moment.
fn start(typed: &str) -> Option<PlanBody> {
    let typed = typed.trim().replace(['\u{2009}', '\u{202f}', ' '], "");
    let from = typed.parse().ok().map(Position);
    let since = typed.parse().ok().filter(|_| from.is_none());
    (from.is_some() || since.is_some()).then_some(PlanBody {
        kind: PlanKind::Replay,
        from,
        since,
    })
}

/// Asks for a plan, shows it, and takes the order.
#[component]
fn Replay(
    /// What orders go through.
    rebuild: Rebuild,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let plan = RwSignal::new(None::<ReplayPlan>);
    let ask = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        let Some(from) = start(&typed.get_untracked()) else {
            rebuild.said.set(Some(Said::failed(
                "That is neither a position nor a moment. Type a position like 812, or a moment like 2026-01-31T08:00:00Z.",
            )));
            return;
        };
        plan.set(None);
        rebuild.order(async move {
            let answer = Api::from_context()
                .plan_replay(&rebuild.name(), &from)
                .await?;
            let words = format!(
                "Planned: {} from position {} on. Nothing is changed yet.",
                counted(answer.matching, "event", "events"),
                format::number(answer.from.0)
            );
            let _ = plan.try_set(Some(answer));
            Ok(Said::done(words))
        });
    };
    let give = Callback::new(move |reason: String| {
        let Some(planned) = plan.get_untracked() else {
            return;
        };
        rebuild.order(async move {
            let answer = Api::from_context()
                .replay(&rebuild.name(), planned, reason)
                .await;
            // Refused or taken: the next order needs a fresh plan.
            let _ = plan.try_set(None);
            Ok(Said::done(format!(
                "Job {} handles them again. It is verified when the read model is level again.",
                answer?.id
            )))
        });
    });
    let none = move || plan.with(Option::is_none);
    view! {
        <form class="reason" on:submit=ask>
            <label>
                "From this position or moment on"
                <input
                    type="text"
                    autocomplete="off"
                    required
                    placeholder="812, or 2026-01-31T08:00:00Z"
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
            </label>
            <button type="submit" aria-disabled=move || rebuild.busy.get().then_some("true")>
                "Plan a replay"
            </button>
        </form>
        {move || plan.get().map(|plan| facts(&plan))}
        <div class="order-line" class:hidden=none>
            <ReasonForm
                label="Why (the audit log keeps it)"
                button=Signal::stored("Replay".to_owned())
                needed=true
                busy=rebuild.busy
                give
            />
            <button type="button" class="quiet" on:click=move |_| plan.set(None)>
                "Not now"
            </button>
        </div>
    }
    .into_any()
}

/// What a plan says.
fn facts(plan: &ReplayPlan) -> AnyView {
    let duration = match plan.duration {
        Some(eta) => format!(
            "{}, measured on {}",
            format::between(eta.from, eta.to),
            plan.measured
        ),
        None => format!("not known: {}", plan.measured),
    };
    let effects = if plan.side_effects.is_empty() {
        "none: its SQL can write only its own tables".to_owned()
    } else {
        plan.side_effects.join("; ")
    };
    let warnings = (!plan.warnings.is_empty()).then(|| {
        view! {
            <dt>"to know"</dt>
            <dd>{plan.warnings.join("; ")}</dd>
        }
    });
    view! {
        <dl class="facts plan">
            <dt>"events"</dt>
            <dd>{format!("{}, counted", counted(plan.matching, "matching event", "matching events"))}</dd>
            <dt>"duration"</dt>
            <dd>{duration}</dd>
            <dt>"side effects"</dt>
            <dd>{effects}</dd>
            {warnings}
        </dl>
    }
    .into_any()
}

/// Makes the rows of one stream or category again.
#[component]
fn Part(
    /// What orders go through.
    rebuild: Rebuild,
) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let category = RwSignal::new(false);
    let give = Callback::new(move |reason: String| {
        let typed = name.get_untracked().trim().to_owned();
        let whole = category.get_untracked();
        let part = PartBody {
            stream: (!whole).then(|| typed.clone()),
            category: whole.then(|| typed.clone()),
            reason: Some(reason),
        };
        rebuild.order(async move {
            let job = Api::from_context()
                .rebuild_part(&rebuild.name(), &part)
                .await?;
            let words = format!("{typed}: {}.", job.outcome.clone().unwrap_or_default());
            Ok(if job.state == JobState::Done {
                Said::done(words)
            } else {
                Said::failed(words)
            })
        });
    });
    view! {
        <div class="order-line">
            <label>
                "Make the rows again of one"
                <select on:change=move |event| category.set(event_target_value(&event) == "category")>
                    <option value="stream">"stream"</option>
                    <option value="category">"category"</option>
                </select>
            </label>
            <label>
                "Its name"
                <input
                    type="text"
                    autocomplete="off"
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
            </label>
            <ReasonForm
                label="Why (the audit log keeps it)"
                button=Signal::stored("Make them again".to_owned())
                needed=true
                quiet=true
                busy=rebuild.busy
                give
            />
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_position_or_a_moment() {
        let from = |typed| start(typed).and_then(|body| body.from).map(|from| from.0);
        assert_eq!(from("812"), Some(812));
        assert_eq!(from(" 12\u{2009}345 "), Some(12_345));
        let moment = start("2026-01-31T08:00:00Z").unwrap();
        assert!(moment.from.is_none() && moment.since.is_some());
        assert_eq!(start("yesterday"), None);
    }
}
