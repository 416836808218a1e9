//! The state of a stream at a version.

use highwater_model::{StateChange, StreamState};
use leptos::prelude::*;

use crate::components::state_tree::{self, Known};
use crate::components::{Time, TypeName};
use crate::format;

/// The state at a version, and what its event changed.
pub(super) fn state_view(state: StreamState, to_version: Callback<i64, String>) -> AnyView {
    let mut known = Known::default();
    for field in &state.fields {
        known.versions.insert(field.path.clone(), field.version.0);
    }
    for event in state.set_by {
        known.events.insert(event.version.0, event);
    }
    for StateChange { path, op, .. } in &state.changes {
        known.changed.insert(path.clone(), *op);
    }
    let event = state.event;
    view! {
        <div class="state-at">
            <div>
                <h3>{format!("State at version {}", format::number(state.version.0))}</h3>
                {state_tree::tree(state.state.get(), &known, to_version)}
                <p class="dim">
                    "Made without code: the data of each event is merged into what was there (JSON merge patch). v1, v2 … are the events that gave the values."
                </p>
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
    }    .into_any()
}
