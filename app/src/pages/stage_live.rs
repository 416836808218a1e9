//! What happens now, for the Stage: the events of the live feed as they come, and how everybody is.

use std::sync::Arc;

use highwater_model::{Position, ReadModelLag, RecordedEvent, Subscription};
use leptos::prelude::*;

use super::stage_scene::Shown;
use crate::api::Api;
use crate::live::{Buffer, Row, on_lag, on_pulse, on_subscriptions, socket};

/// The demo's services are asked for at most this often.
const DEMO_APART_MS: f64 = 700.0;

/// Follows the log from behind this position on.
pub(super) fn follow(shown: Shown, head: Position, has_demo: bool) {
    on_subscriptions(move |said| {
        shown.take_standings(said);
        shown.take_waiting(waiting(said));
    });
    on_lag(move |said| shown.take_waiting(behind(said)));
    if has_demo {
        on_pulse(DEMO_APART_MS, move || {
            let api = Api::from_context();
            Box::pin(async move {
                if let Ok(now) = api.demo().await {
                    shown.take_demo(now);
                }
            })
        });
    }
    let buffer = RwSignal::new(Buffer::default());
    Effect::new(move || {
        socket::follow(String::new(), head, buffer);
        on_cleanup(move || socket::unfollow(buffer));
    });
    Effect::new(move |seen: Option<i64>| {
        let seen = seen.unwrap_or(0);
        let fresh = buffer.with(|buffer| since(buffer, seen));
        let newest = fresh.last().map(|event| event.position.0);
        if newest.is_some() {
            shown.fresh.set(fresh);
        }
        newest.unwrap_or(seen)
    });
}

/// What waits for each subscription.
pub(super) fn waiting(subscriptions: &[Subscription]) -> impl Iterator<Item = (&str, i64)> {
    subscriptions
        .iter()
        .map(|one| (one.name.as_str(), one.lag.matching))
}

/// How far each read model is behind.
pub(super) fn behind(lags: &[ReadModelLag]) -> impl Iterator<Item = (&str, i64)> {
    lags.iter().map(|one| (one.name.as_str(), one.lag.matching))
}

/// Events behind this position, oldest first. What was there before the page came is not played.
fn since(buffer: &Buffer, position: i64) -> Vec<Arc<RecordedEvent>> {
    let mut found = Vec::new();
    for at in 0..buffer.len() {
        match buffer.row(at) {
            Some(Row::Event(event)) if event.position.0 > position => found.push(Arc::clone(event)),
            Some(Row::Event(_)) | None => break,
            Some(Row::Gap(_)) => {}
        }
    }
    found.reverse();
    found
}
