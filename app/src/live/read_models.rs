//! What the feed says of read models: their lag is shown as it comes, the rest is read again when the feed says that it changed.

use std::future::Future;
use std::pin::Pin;

use highwater_model::{ReadModel, ReadModelLag};
use leptos::prelude::*;

use super::machine::Board;
use super::{Live, socket};
use crate::api::Api;

/// Calls `take` in the browser with each message of the feed `lag`. While the connection is lost the page keeps what it has.
pub fn on_lag(take: impl Fn(&[ReadModelLag]) + 'static) {
    let live = expect_context::<Live>();
    Effect::new(move || {
        socket::watch(Board::Lag);
        on_cleanup(|| socket::unwatch(Board::Lag));
    });
    Effect::new(move |first: Option<()>| {
        live.lag.with(|lag| {
            // What came before this page is older than what it shows.
            if let (Some(lag), Some(())) = (lag, first) {
                take(lag);
            }
        });
    });
}

/// Keeps a list of read models as the feed says they are; what it does not say is read again. `place` takes over the fresh ones.
pub fn follow_read_models(
    models: RwSignal<Vec<ReadModel>>,
    place: impl Fn(&mut Vec<ReadModel>, Vec<ReadModel>) + Copy + 'static,
) {
    let read = move || {
        let api = Api::from_context();
        leptos::task::spawn_local(async move {
            if let Ok(fresh) = api.read_models().await {
                let _ = models.try_update(|models| place(models, fresh));
            }
        });
    };
    on_lag(move |said| {
        let mut known = models.get_untracked();
        let mut more = known.len() != said.len();
        for model in &mut known {
            match said.iter().find(|one| one.name == model.name) {
                Some(said) => more |= take_over(model, said),
                None => more = true,
            }
        }
        models.update(|models| place(models, known));
        if more {
            read();
        }
    });
}

/// Calls `read` in the browser when the feed has spoken: not more often than every `apart_ms`, and never while the last call is
/// not through.
pub fn on_pulse(
    apart_ms: impl Into<Signal<f64>>,
    read: impl Fn() -> Pin<Box<dyn Future<Output = ()>>> + 'static,
) {
    let live = expect_context::<Live>();
    let apart_ms = apart_ms.into();
    let busy = StoredValue::new(false);
    Effect::new(move |last: Option<f64>| {
        let heard = live.heard_at.get().unwrap_or_default();
        let Some(last) = last else {
            // The page shows what the server has read a moment ago.
            return heard;
        };
        if heard - last < apart_ms.get_untracked() || busy.get_value() {
            return last;
        }
        busy.set_value(true);
        let reading = read();
        leptos::task::spawn_local(async move {
            reading.await;
            busy.try_set_value(false);
        });
        heard
    });
}

/// Takes over what a message says of a read model. True when it says that there is more to read.
pub fn take_over(model: &mut ReadModel, said: &ReadModelLag) -> bool {
    let before = ReadModelLag::from(&*model);
    model.state = said.state;
    model.reason.clone_from(&said.reason);
    model.since = said.since;
    model.checkpoint = said.checkpoint;
    model.lag = said.lag;
    model.rate = said.rate;
    model.trend.clone_from(&said.trend);
    let moved = before.checkpoint != said.checkpoint;
    if let Some(live) = model.versions.first_mut() {
        live.state = said.state;
        live.checkpoint = said.checkpoint;
        live.handled = said.handled;
        live.failures = said.failures;
    }
    // The checkpoint's event and its time are not in the message.
    moved
        || before.state != said.state
        || before.since != said.since
        || before.failures != said.failures
        || before.stands_on != said.stands_on
        || before.versions != said.versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_model::{Lag, Position, ReadModelState};

    #[test]
    fn a_lag_that_moves_needs_no_reading_and_a_state_that_changes_does() {
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut model = ReadModel {
            name: "totals".to_owned(),
            describe: None,
            source: "api".to_owned(),
            state: ReadModelState::Live,
            reason: None,
            since,
            checkpoint: Position(7),
            lag: Lag::default(),
            rate: 0.0,
            trend: "live".to_owned(),
            stands_on: None,
            versions: Vec::new(),
        };
        let mut said = ReadModelLag::from(&model);
        said.lag.positions = 3;
        assert!(!take_over(&mut model, &said));
        assert_eq!(model.lag.positions, 3);
        said.state = ReadModelState::Paused;
        assert!(take_over(&mut model, &said));
        assert_eq!(model.state, ReadModelState::Paused);
    }
}
