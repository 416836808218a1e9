//! Promoting a shadow that was compared: before and after, a reason; or discarding it.

use highwater_model::VersionRole;
use leptos::prelude::*;

use super::read_model_orders::Said;
use super::read_model_rebuild::{Rebuild, told_of};
use super::read_model_rebuild_step::version;
use crate::api::Api;
use crate::components::reason_form::ReasonForm;
use crate::format;

/// What promoting changes, and the order.
#[component]
pub fn Promote(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let names = Memo::new(move |_| {
        let name = |role| {
            rebuild
                .version_name(role)
                .unwrap_or_else(|| "it".to_owned())
        };
        (name(VersionRole::Live), name(VersionRole::Shadow))
    });
    let review = move || {
        let diff = rebuild.current_diff()?;
        let (live, shadow) = names.get();
        let change = if diff.identical {
            "No row changes: both are identical.".to_owned()
        } else {
            let told: Vec<String> = diff
                .tables
                .iter()
                .filter(|table| !table.is_identical())
                .map(|table| {
                    format!(
                        "{}: {} changed, {} come, {} go",
                        table.table,
                        format::number(table.changed),
                        format::number(table.added),
                        format::number(table.removed)
                    )
                })
                .collect();
            format!("{}. {}.", told_of(&diff), told.join(". "))
        };
        Some(view! {
            <dl class="facts plan">
                <dt>"now"</dt>
                <dd>{format!("readers query {live}")}</dd>
                <dt>"then"</dt>
                <dd>
                    {format!(
                        "readers query {shadow}, in one moment and never a half. {} stays beside it as the previous version, so that you can go back.",
                        format::capital(&live),
                    )}
                </dd>
                <dt>"rows"</dt>
                <dd>{change}</dd>
                <dt>"then checked"</dt>
                <dd>"that it is live, that its rows are there, and that it goes on handling events"</dd>
            </dl>
        })
    };
    let give = Callback::new(move |reason: String| {
        rebuild.order(async move {
            let job = Api::from_context().promote(&rebuild.name(), reason).await?;
            Ok(Said::begun(
                job.id,
                format!("It is live. Job {} looks whether it lives.", job.id),
            ))
        });
    });
    let drops = Memo::new(move |_| rebuild.version_title(VersionRole::Previous));
    view! {
        <h3>"Promote"</h3>
        {review}
        {move || {
            drops
                .get()
                .map(|previous| {
                    view! {
                        <p class="notice">
                            {format!("{previous}, the previous version until now, is dropped with its rows when you promote.")}
                        </p>
                    }
                })
        }}
        <ReasonForm
            label="Why it is promoted"
            button=Signal::derive(move || format!("Promote {}", names.get().1))
            needed=true
            busy=rebuild.busy
            give
        />
    }
    .into_any()
}

/// Drops the shadow, with a reason.
#[component]
pub fn DiscardShadow(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    let there = Memo::new(move |_| rebuild.version_name(VersionRole::Shadow));
    view! {
        <Show when=move || there.get().is_some()>
            <details class="part">
                <summary>"Discard the shadow…"</summary>
                <Discard rebuild role=VersionRole::Shadow>
                    "Its rows go. The live rows don't change, and a changed definition waits again."
                </Discard>
            </details>
        </Show>
    }
    .into_any()
}

/// Drops the version in a role, and looks whether it is gone.
#[component]
pub fn Discard(
    /// What the section shows.
    rebuild: Rebuild,
    /// `Shadow` or `Previous`.
    role: VersionRole,
    /// What goes with it.
    children: Children,
) -> impl IntoView {
    let called = role.as_str();
    let give = Callback::new(move |reason: String| {
        let gone = rebuild.version_name(role).unwrap_or_default();
        rebuild.order(async move {
            let now = Api::from_context()
                .discard(&rebuild.name(), role, reason)
                .await?;
            Ok(if version(&now, role).is_none() {
                Said::done(format!("Discarded: {gone} is gone with its rows."))
            } else {
                Said::failed(format!(
                    "The server took the order, but there is still a {called} version."
                ))
            })
        });
    });
    view! {
        <p class="dim">{children()}</p>
        <ReasonForm
            label="Why it is discarded"
            button=Signal::stored(format!("Discard the {}", if role == VersionRole::Shadow { "shadow" } else { "previous version" }))
            needed=true
            quiet=true
            busy=rebuild.busy
            give
        />
    }
    .into_any()
}
