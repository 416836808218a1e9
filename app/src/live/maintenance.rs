//! What the feed says of maintenance.

use highwater_model::Maintenance;
use leptos::prelude::*;

use super::Live;

/// The maintenance that is on, as the feed says; before it has spoken, as it was when the page was rendered.
pub fn maintenance_now(first: Option<Maintenance>) -> Memo<Option<Maintenance>> {
    let live = expect_context::<Live>();
    Memo::new(move |_| {
        live.maintenance.with(|said| match said {
            Some(said) => said.maintenance.clone(),
            None => first.clone(),
        })
    })
}
