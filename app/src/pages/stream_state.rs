//! The state of a stream at a version.

use highwater_model::{StateBy, StateChange, StateFolding, StreamState};
use leptos::prelude::*;

use crate::components::state_tree::{self, Known};
use crate::components::{Time, TypeName};
use crate::format;

/// The state at a version, and what its event changed.
pub(super) fn state_view(mut state: StreamState, to_version: Callback<i64, String>) -> AnyView {
    let mut known = Known::default();
    for field in &state.fields {
        known.versions.insert(field.path.clone(), field.version.0);
    }
    for event in std::mem::take(&mut state.set_by) {
        known.events.insert(event.version.0, event);
    }
    for StateChange { path, op, .. } in &state.changes {
        known.changed.insert(path.clone(), *op);
    }
    let how = how_made(&state);
    let event = state.event;
    view! {
        <div class="state-at">
            <div>
                <h3>{format!("State at version {}", format::number(state.version.0))}</h3>
                {state_tree::tree(state.state.get(), &known, to_version)}
                {how}
            </div>
            <div>
                <h3>"What this event changed"</h3>
                <p class="bar">
                    <TypeName name=event.event_type.clone() />
                    <a class="mono" href=format!("/events/{}", event.id)>
                        {format!("position {}", format::number(event.position.0))}
                    </a>
                    <span class="mono dim">
                        <Time at=event.occurred_at />
                    </span>
                </p>
                {state_tree::changes(state.changes, "Nothing: it says again what was there, or has no fields.")}
            </div>
        </div>
    }
    .into_any()
}

/// How far the state of a long stream is. It is asked for again as soon as this is shown, which goes on with it.
pub(super) fn folding_view(folding: &StateFolding, again: Callback<()>) -> AnyView {
    Effect::new(move |_| again.run(()));
    let (done, all) = (folding.folded_to.0 + 1, folding.version.0 + 1);
    let words = format!(
        "The state is put together: {} of {} events. It is shown as soon as it is there.",
        format::number(done),
        format::number(all)
    );
    view! {
        <div class="folding">
            <p role="status">{words}</p>
            <progress aria-label="Events that are in the state" max=all.to_string() value=done.to_string()></progress>
            <noscript>
                <p class="dim">"Reload this page to go on."</p>
            </noscript>
        </div>
    }
    .into_any()
}

/// How a state came to be, in words.
fn how_made(state: &StreamState) -> AnyView {
    const MERGED: &str = "the data of each event is merged into what was there (JSON merge patch)";
    const BY: &str = "v1, v2 … are the events that gave the values.";
    let category = state.stream.category().to_owned();
    let Some(definition) = state.definition.clone() else {
        let words = match state.by {
            StateBy::Merge => format!("Made without code: {MERGED}. {BY}"),
            StateBy::Definition => format!("By the text above, which is kept nowhere. {BY}"),
        };
        return view! { <p class="dim">{words}</p> }.into_any();
    };
    if let Some(failed) = definition.failed {
        let at = failed.version.map_or_else(String::new, |version| {
            format!(" at version {}", format::number(version.0))
        });
        let words = format!(
            "The state definition of {category} fails{at}: {}. What is shown instead: {MERGED}.",
            failed.message.trim_end_matches('.')
        );
        return view! { <p class="notice bad">{words}</p> }.into_any();
    }
    let describe = definition
        .describe
        .map(|words| format!("{}. ", words.trim_end_matches('.')));
    view! {
        <p class="dim">
            {describe} {format!("By the state definition of {category}, written by {} at ", definition.actor)}
            <Time at=definition.set_at /> {format!(". {BY}")}
        </p>
    }
    .into_any()
}
