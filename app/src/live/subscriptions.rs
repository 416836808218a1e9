//! What the feed says of subscriptions.

use highwater_model::Subscription;
use leptos::prelude::*;

use super::machine::Board;
use super::{Live, socket};

/// Calls `take` in the browser with each message of the feed `subscriptions`. While the connection is lost the page keeps what it has.
pub fn on_subscriptions(take: impl Fn(&[Subscription]) + 'static) {
    let live = expect_context::<Live>();
    Effect::new(move || {
        socket::watch(Board::Subscriptions);
        on_cleanup(|| socket::unwatch(Board::Subscriptions));
    });
    Effect::new(move |first: Option<()>| {
        live.subscriptions.with(|subscriptions| {
            // What came before this page is older than what it shows.
            if let (Some(subscriptions), Some(())) = (subscriptions, first) {
                take(subscriptions);
            }
        });
    });
}
