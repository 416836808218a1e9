//! How far a flow is, as colour, shape and word.

use highwater_model::FlowState;
use leptos::prelude::*;

/// How far a flow is.
#[component]
pub fn FlowBadge(
    /// By the rule of its kind.
    state: FlowState,
    /// It is under way for longer than the rule gives it.
    late: bool,
) -> impl IntoView {
    let (class, shape, word) = match (state, late) {
        (FlowState::Finished, _) => ("pill flow-state finished", "✓", "finished"),
        (FlowState::Unfinished, true) => ("pill flow-state late", "!", "late"),
        (FlowState::Unfinished, false) => ("pill flow-state unfinished", "…", "unfinished"),
        (FlowState::NoRule, _) => ("pill flow-state", "–", "no rule"),
    };
    view! {
        <span class=class>
            <i aria-hidden="true">{shape}</i>
            {word}
        </span>
    }
    .into_any()
}
