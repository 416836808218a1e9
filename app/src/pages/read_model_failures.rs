//! Events that a read model could not handle: what is wrong, try again, or leave out with a reason.

use highwater_model::{Failure, FailureOutcome, RecordedEvent, Right, VersionRole};
use leptos::html;
use leptos::prelude::*;

use super::read_model_orders::Shown;
use crate::api::{Api, Order};
use crate::components::may::Needs;
use crate::components::{Time, TypeName};
use crate::format;

/// The event that it can't get past, above everything else.
#[component]
pub fn StandsOn(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let failure = Memo::new(move |_| shown.model.with(|model| model.stands_on.clone()));
    let skipping = RwSignal::new(None::<Failure>);
    let retry = Callback::new(move |()| {
        if let (Some(failure), false) = (failure.get_untracked(), shown.busy.get_untracked()) {
            shown.give(Order::Retry {
                position: failure.position.0,
                version: VersionRole::Live,
            });
        }
    });
    view! {
        {move || {
            failure
                .get()
                .map(|failure| {
                    let position = format::number(failure.position.0);
                    let waiting = shown.model.with_untracked(|model| model.lag.matching);
                    let behind = (waiting > 1).then(|| format!(" {} matching events wait behind it.", format::number(waiting - 1)));
                    view! {
                        <section class="notice bad failing" role="alert">
                            <h2>
                                "It can't handle " <a href=format!("/events/{}", failure.event_id)>{format!("event {position}")}</a>
                            </h2>
                            <p class="mono error">{failure.error}</p>
                            <p class="dim">
                                {sqlstate(failure.sqlstate)} {attempts(failure.attempts)} ", the first " <Time at=failure.first_at />
                                ", the last " <Time at=failure.last_at /> "." {behind}
                            </p>
                        </section>
                    }
                        .into_any()
                })
        }}
        <Decide failure busy=shown.busy skipping retry />
        <SkipDialog
            skipping
            consequence=move |failure: Failure| {
                shown
                    .model
                    .with_untracked(|model| Consequence {
                        now: format!(
                            "{} stands on event {}; {} matching events wait",
                            model.name,
                            format::number(failure.position.0),
                            format::number(model.lag.matching),
                        ),
                        then: "It goes on with the event after it. Its rows are without this event until a rebuild.",
                    })
            }
            skip=move |(failure, reason): (Failure, String)| {
                shown.give(Order::Skip { position: failure.position.0, reason, version: VersionRole::Live });
            }
        />
    }
    .into_any()
}

/// What an operator can do about an event that a version stands on.
#[component]
pub fn Decide(
    /// The event; nothing is shown while there is none.
    #[prop(into)]
    failure: Signal<Option<Failure>>,
    /// An order is on its way.
    busy: RwSignal<bool>,
    /// Set to ask why the event is left out.
    skipping: RwSignal<Option<Failure>>,
    /// Tries it again.
    retry: Callback<()>,
) -> impl IntoView {
    let waits = move || busy.get().then_some("true");
    let skip = move |_| {
        if !busy.get_untracked() {
            skipping.set(failure.get_untracked());
        }
    };
    view! {
        <div class="bar" class:hidden=move || failure.with(Option::is_none)>
            <Needs right=Right::Operate>
                <button type="button" class="go" aria-disabled=waits on:click=move |_| retry.run(())>
                    "Retry the event"
                </button>
                <button type="button" aria-disabled=waits on:click=skip>
                    "Skip the event…"
                </button>
            </Needs>
        </div>
    }
    .into_any()
}

/// What skipping an event leads to.
#[derive(Debug, Clone)]
pub struct Consequence {
    /// How it is.
    pub now: String,
    /// How it will be.
    pub then: &'static str,
}

/// Says what skipping does, and asks why.
#[component]
pub fn SkipDialog(
    /// Set to open it.
    skipping: RwSignal<Option<Failure>>,
    /// What it leads to.
    #[prop(into)]
    consequence: Callback<Failure, Consequence>,
    /// Orders it, with the reason.
    #[prop(into)]
    skip: Callback<(Failure, String)>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let event = RwSignal::new(None::<RecordedEvent>);
    let reason = RwSignal::new(String::new());
    Effect::new(move || {
        let (Some(failure), Some(dialog)) = (skipping.get(), dialog.get()) else {
            return;
        };
        reason.set(String::new());
        event.set(None);
        if !dialog.open() {
            // It fails only for a dialog that is open or out of the document.
            let _ = dialog.show_modal();
        }
        leptos::task::spawn_local(async move {
            if let Ok(found) = Api::from_context()
                .event(&failure.event_id.to_string())
                .await
            {
                let _ = event.try_set(Some(found.event));
            }
        });
    });
    let close = move || {
        skipping.set(None);
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let ready = Memo::new(move |_| {
        event.with(Option::is_some) && !reason.with(|why| why.trim().is_empty())
    });
    let submit = move |submitted: leptos::ev::SubmitEvent| {
        submitted.prevent_default();
        if let (true, Some(failure)) = (ready.get_untracked(), skipping.get_untracked()) {
            close();
            skip.run((failure, reason.get_untracked().trim().to_owned()));
        }
    };
    let review = move || {
        let failure = skipping.get()?;
        Some(review(
            &failure,
            event.get(),
            consequence.run(failure.clone()),
        ))
    };
    view! {
        <dialog node_ref=dialog class="order" aria-label="Skip the event" on:close=move |_| skipping.set(None)>
            <form on:submit=submit>
                {review}
                <label>
                    "Why it is left out"
                    <textarea
                        required
                        rows="2"
                        maxlength="500"
                        prop:value=move || reason.get()
                        on:input=move |event| reason.set(event_target_value(&event))
                    ></textarea>
                </label>
                <div class="bar">
                    <span class="grow"></span>
                    <button type="button" class="quiet" on:click=move |_| close()>
                        "Cancel"
                    </button>
                    <button type="submit" class="go" disabled=move || !ready.get()>
                        "Skip the event"
                    </button>
                </div>
            </form>
        </dialog>
    }
    .into_any()
}

fn review(failure: &Failure, event: Option<RecordedEvent>, consequence: Consequence) -> AnyView {
    let position = format::number(failure.position.0);
    let event = match event {
        Some(event) => view! {
            <p>
                <TypeName name=event.event_type.clone() />
                " of "
                <span class="mono">{event.stream.to_string()}</span>
            </p>
            <p class="mono dim">{format::preview(&event)}</p>
        }
        .into_any(),
        None => view! { <p class="dim">"Reading the event…"</p> }.into_any(),
    };
    view! {
        <h2>{format!("Skip event {position}?")}</h2>
        {event}
        <dl class="facts">
            <dt>"now"</dt>
            <dd>{consequence.now}</dd>
            <dt>"then"</dt>
            <dd>{consequence.then}</dd>
            <dt>"on record"</dt>
            <dd>"Who, when and why stand in the audit log; the failure stays listed as skipped."</dd>
        </dl>
    }
    .into_any()
}

/// All failures, with what became of them.
#[component]
pub fn Failures(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let none = Memo::new(move |_| shown.failures.with(Vec::is_empty));
    let rows = move || {
        shown
            .failures
            .with(|failures| failures.iter().cloned().map(row).collect::<Vec<AnyView>>())
    };
    view! {
        <section class:hidden=move || none.get()>
            <h2>"Failures"</h2>
            <div class="card scroll" tabindex="0" role="region" aria-label="Failures, newest event first">
                <table>
                    <thead>
                        <tr>
                            <th class="n">"event"</th>
                            <th>"outcome"</th>
                            <th>"error"</th>
                            <th>"SQLSTATE"</th>
                            <th class="n">"attempts"</th>
                            <th>"last attempt"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(failure: Failure) -> AnyView {
    let open = failure.outcome == FailureOutcome::Open;
    view! {
        <tr>
            <td class="n">
                <a href=format!("/events/{}", failure.event_id)>{format::number(failure.position.0)}</a>
            </td>
            <td class:bad=open>{if open { "nobody has decided" } else { failure.outcome.as_str() }}</td>
            <td class="mono wrap">{failure.error}</td>
            <td class="mono">{failure.sqlstate}</td>
            <td class="n">{failure.attempts}</td>
            <td class="mono dim">
                <Time at=failure.last_at />
            </td>
        </tr>
    }
    .into_any()
}

pub(super) fn sqlstate(code: Option<String>) -> String {
    code.map(|code| format!("SQLSTATE {code}, "))
        .unwrap_or_default()
}

pub(super) fn attempts(attempts: i32) -> String {
    if attempts == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{attempts} attempts")
    }
}
