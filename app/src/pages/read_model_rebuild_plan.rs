//! The plan: what a rebuild will cost, before anybody can order it.

use highwater_model::{JobKind, JobState, RebuildPlan, VersionRole};
use leptos::prelude::*;

use super::read_model_orders::Said;
use super::read_model_rebuild::Rebuild;
use super::read_model_rebuild_step::version;
use crate::api::Api;
use crate::components::line_diff::LineDiff;
use crate::components::read_model_state::counted;
use crate::components::reason_form::ReasonForm;
use crate::format;

/// Asks for a plan, shows it, and takes the order.
#[component]
pub fn Plan(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    // Other orders have other words.
    let waits = RwSignal::new(false);
    let ask = move |_| {
        rebuild.order_from(waits, async move {
            let plan = Api::from_context().plan(&rebuild.name()).await?;
            let words = format!("Planned: {}. Nothing is changed yet.", cost(&plan));
            let _ = rebuild.plan.try_set(Some(plan));
            Ok(Said::done(words))
        });
    };
    let give = Callback::new(move |reason: String| {
        let Some(plan) = rebuild.plan.get_untracked() else {
            return;
        };
        rebuild.order(async move {
            let reason = Some(reason).filter(|reason| !reason.is_empty());
            let answer = Api::from_context()
                .rebuild(&rebuild.name(), plan, reason)
                .await;
            // Refused or taken: the next order needs a fresh plan.
            let _ = rebuild.plan.try_set(None);
            let job = answer?;
            Ok(Said::begun(
                job.id,
                format!(
                    "Job {} builds the shadow. The live rows don't change.",
                    job.id
                ),
            ))
        });
    });
    let changed = Memo::new(move |_| rebuild.version_title(VersionRole::Waiting));
    let words = move || {
        match changed.get() {
        Some(waiting) => format!(
            "{waiting} waits: a changed definition. A rebuild handles all events with it in a shadow beside the live rows, which don't change until you promote it."
        ),
        None => "A rebuild handles all events again in a shadow beside the live rows, which don't change until you promote it. No changed definition waits: it would build the live one again.".to_owned(),
    }
    };
    let planned = move || rebuild.plan.get().map(|plan| facts(&plan));
    let none = move || rebuild.plan.with(Option::is_none);
    view! {
        <LastRebuild rebuild />
        <p>{words}</p>
        <DefinitionChange rebuild />
        <div class="bar" class:hidden=move || !none()>
            <button
                type="button"
                class="go"
                aria-disabled=move || rebuild.busy.get().then_some("true")
                on:click=ask
            >
                {move || if waits.get() { "Planning…" } else { "Plan a rebuild" }}
            </button>
        </div>
        {planned}
        <div class="order-line" class:hidden=none>
            <ReasonForm
                label="Why (the audit log keeps it)"
                button=Signal::stored("Rebuild".to_owned())
                needed=false
                busy=rebuild.busy
                give
            />
            <button type="button" class="quiet" on:click=move |_| rebuild.plan.set(None)>
                "Not now"
            </button>
        </div>
    }
    .into_any()
}

/// A rebuild that came to nothing says so, until there is another.
#[component]
fn LastRebuild(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let failed = Memo::new(move |_| {
        rebuild.jobs.with(|jobs| {
            jobs.first()
                .filter(|job| job.kind == JobKind::Rebuild)
                .filter(|job| matches!(job.state, JobState::Failed | JobState::Cancelled))
                .map(|job| (job.id, job.state, job.outcome.clone().unwrap_or_default()))
        })
    });
    move || {
        let (id, state, outcome) = failed.get()?;
        let class = if state == JobState::Failed {
            "notice bad"
        } else {
            "notice"
        };
        Some(view! {
            <p class=class>
                "The last rebuild (" <a href=format!("/jobs/{id}")>{format!("job {id}")}</a> ") "
                {if state == JobState::Failed { "failed: " } else { "was " }} {outcome} "."
            </p>
        })
    }
}

/// The definition that waits beside the live one.
#[component]
fn DefinitionChange(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let texts = Memo::new(move |_| {
        rebuild.shown.model.with(|model| {
            let text = |role| version(model, role).map(|version| version.definition.clone());
            Some((text(VersionRole::Live)?, text(VersionRole::Waiting)?))
        })
    });
    move || {
        let (old, new) = texts.get()?;
        Some(view! {
            <details class="part">
                <summary>"What changes in the definition"</summary>
                <LineDiff old new label="The definition that waits against the live one" />
            </details>
        })
    }
}

/// `402 311 events, 5–8 s`.
fn cost(plan: &RebuildPlan) -> String {
    let events = counted(plan.matching, "event", "events");
    match plan.duration {
        Some(eta) => format!("{events}, {}", format::between(eta.from, eta.to)),
        None => events,
    }
}

/// What a plan says.
pub fn facts(plan: &RebuildPlan) -> AnyView {
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
    let builds = if plan.changed_definition {
        "the changed definition that waits"
    } else {
        "the live definition, again"
    };
    let warnings: Vec<AnyView> = plan
        .warnings
        .iter()
        .map(|warning| view! { <li>{warning.clone()}</li> }.into_any())
        .collect();
    let warnings = (!warnings.is_empty()).then(|| {
        view! {
            <dt>"to know"</dt>
            <dd>
                <ul class="warnings">{warnings}</ul>
            </dd>
        }
    });
    view! {
        <dl class="facts plan">
            <dt>"builds"</dt>
            <dd>{builds}</dd>
            <dt>"events"</dt>
            <dd>{format!("{}, counted", counted(plan.matching, "matching event", "matching events"))}</dd>
            <dt>"duration"</dt>
            <dd>{duration}</dd>
            <dt>"disk"</dt>
            <dd>{format!("{} beside the live tables, as those are now", format::bytes(plan.disk_bytes))}</dd>
            <dt>"side effects"</dt>
            <dd>{effects}</dd>
            {warnings}
        </dl>
    }
    .into_any()
}
