//! What a read model does and how far it is behind, in words.

use highwater_model::{Lag, ReadModel, ReadModelState};
use leptos::prelude::*;

use crate::format;

/// A state as colour, shape and word.
#[component]
pub fn StateBadge(
    /// The state.
    #[prop(into)]
    state: Signal<ReadModelState>,
) -> impl IntoView {
    view! {
        <span class=move || format!("pill state {}", state.get())>
            <span class="dot" aria-hidden="true"></span>
            {move || word(state.get())}
        </span>
    }
    .into_any()
}

/// The state as a person says it.
pub fn word(state: ReadModelState) -> &'static str {
    match state {
        ReadModelState::CatchingUp => "catching up",
        other => other.as_str(),
    }
}

/// Worse ones have a higher number.
pub fn badness(model: &ReadModel) -> u8 {
    match model.state {
        ReadModelState::Faulted => 5,
        ReadModelState::Stopped => 4,
        ReadModelState::Paused => 3,
        ReadModelState::CatchingUp => 2,
        ReadModelState::Starting => 1,
        ReadModelState::Live => 0,
    }
}

/// `3 positions`.
pub fn positions(lag: Lag) -> String {
    counted(lag.positions, "position", "positions")
}

/// `1 matching`, `≥ 10 000 matching`.
pub fn matching(lag: Lag) -> String {
    let least = if lag.capped { "≥\u{2009}" } else { "" };
    format!("{least}{} matching", format::number(lag.matching))
}

/// `0.4 s`.
pub fn seconds(lag: Lag) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "an age in milliseconds")]
    let milliseconds = (lag.seconds * 1_000.0) as i64;
    if lag.matching == 0 {
        "0 s".to_owned()
    } else {
        format::span(milliseconds.max(1))
    }
}

/// A number with its noun.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        format::number(number),
        if number == 1 { one } else { many }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_told_in_three_units() {
        let lag = Lag {
            positions: 12_000,
            matching: 10_000,
            capped: true,
            seconds: 3.25,
        };
        assert_eq!(positions(lag), "12\u{2009}000 positions");
        assert_eq!(matching(lag), "≥\u{2009}10\u{2009}000 matching");
        assert_eq!(seconds(lag), "3.2 s");
        assert_eq!(seconds(Lag::default()), "0 s");
    }
}
