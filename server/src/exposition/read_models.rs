//! How far the read models are behind, and how they are.

use highwater_model::{ReadModelLag, ReadModelState};

use super::NAMED;
use super::text_format::{TextFormat, count, number, yes};

/// Says it of the worst, and of how many there are.
pub(super) fn say(text: &mut TextFormat, all: &[ReadModelLag]) {
    text.family(
        "highwater_read_models",
        "Read models, by the state of their live version.",
    )
    .each(
        "state",
        ReadModelState::ALL.map(|state| {
            let those = all.iter().filter(|one| one.state == state);
            (state.as_str(), count(those.count()))
        }),
    );
    let mut worst: Vec<&ReadModelLag> = all.iter().collect();
    let is_down =
        |one: &ReadModelLag| matches!(one.state, ReadModelState::Faulted | ReadModelState::Stopped);
    worst.sort_by(|a, b| {
        let is_worse = is_down(b).cmp(&is_down(a));
        is_worse
            .then(b.lag.seconds.total_cmp(&a.lag.seconds))
            .then(b.lag.positions.cmp(&a.lag.positions))
    });
    text.gauge(
        "highwater_read_models_left_out",
        "Read models that are not named in what follows: only so many are, the worst.",
        count(worst.len().saturating_sub(NAMED)),
    );
    worst.truncate(NAMED);
    let each =
        |of: fn(&ReadModelLag) -> f64| worst.iter().map(move |one| (one.name.as_str(), of(one)));
    text.family(
        "highwater_read_model_lag_positions",
        "Positions between a read model's checkpoint and the head.",
    )
    .each("read_model", each(|one| number(one.lag.positions)));
    text.family(
        "highwater_read_model_lag_events",
        "Events among them that it handles, counted up to 10000.",
    )
    .each("read_model", each(|one| number(one.lag.matching)));
    text.family(
        "highwater_read_model_lag_seconds",
        "Seconds since the oldest of them was recorded.",
    )
    .each("read_model", each(|one| one.lag.seconds));
    text.family(
        "highwater_read_model_open_failures",
        "Events that it could not handle and nobody has decided on.",
    )
    .each("read_model", each(|one| number(one.failures)));
    let mut states = text.family(
        "highwater_read_model_state",
        "1 for the state that its live version is in, 0 for the others.",
    );
    for one in worst {
        for state in ReadModelState::ALL {
            states.say(
                &[("read_model", one.name.as_str()), ("state", state.as_str())],
                yes(one.state == state),
            );
        }
    }
}
