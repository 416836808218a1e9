//! What runs on the log: read models, subscriptions, flows, maintenance.

use highwater_model::{Maintenance, ReadModel, ReadModelState, StoreCheck, Subscription};

use crate::state::AppState;

pub(super) fn running(read_models: &[ReadModel]) -> StoreCheck {
    let faulted: Vec<&str> = read_models
        .iter()
        .filter(|model| model.state == ReadModelState::Faulted)
        .map(|model| model.name.as_str())
        .collect();
    if faulted.is_empty() {
        let found = format!("none of the {} stands on a failure", read_models.len());
        return StoreCheck::good("read models", found);
    }
    StoreCheck::wrong(
        "read models",
        format!("stand on a failure: {}", faulted.join(", ")),
        "open each one's page: it says on which event, and why; retry, or skip with a reason",
    )
}

pub(super) fn folder(state: &AppState) -> StoreCheck {
    let refused = state.read_models.folder_problems();
    if refused.is_empty() {
        return StoreCheck::good("folder", "no definition of a watched folder is refused");
    }
    let told: Vec<String> = refused
        .into_iter()
        .map(|(name, problem)| {
            if name.is_empty() {
                problem
            } else {
                format!("{name}.sql: {problem}")
            }
        })
        .collect();
    StoreCheck::wrong(
        "folder",
        told.join("; "),
        "mend the file; it is read again as soon as it changes, and the live read model is as it was",
    )
}

pub(super) fn subscriptions(all: &[Subscription]) -> StoreCheck {
    let named = |which: fn(&Subscription) -> bool| {
        let found = all.iter().filter(|one| which(one));
        found.map(|one| one.name.as_str()).collect::<Vec<_>>()
    };
    let parked = named(|one| one.parked > 0);
    if !parked.is_empty() {
        return StoreCheck::wrong(
            "subscriptions",
            format!("have parked events: {}", parked.join(", ")),
            "open each one's page: it says what its members failed at; retry when that is mended, or leave them out with a reason",
        );
    }
    let alone = named(Subscription::is_alone);
    if !alone.is_empty() {
        return StoreCheck::advice(
            "subscriptions",
            format!("nobody reads, and events wait: {}", alone.join(", ")),
            "start a member of each; or remove those that are not needed any more",
        );
    }
    let found = format!("none of the {} has parked events", all.len());
    StoreCheck::good("subscriptions", found)
}

pub(super) fn flows(late: &[(String, i64)]) -> StoreCheck {
    if late.is_empty() {
        return StoreCheck::good("flows", "none is late by the rule of its kind");
    }
    let kinds: Vec<String> = late
        .iter()
        .map(|(kind, late)| format!("{late} that began with {kind}"))
        .collect();
    StoreCheck::advice(
        "flows",
        format!("late: {}", kinds.join(", ")),
        "see on the page of each what it waits for: /flows?shown=late&order=oldest",
    )
}

pub(super) fn maintenance(on: Option<&Maintenance>) -> StoreCheck {
    let Some(on) = on else {
        return StoreCheck::good("maintenance", "is off");
    };
    let told = on.told().unwrap_or_default();
    StoreCheck::advice(
        "maintenance",
        format!("all read models are paused since {:.0} by {told}", on.since),
        "end it when the work is done: the button in the banner of every page, or DELETE /api/maintenance",
    )
}
