//! What a read model is made of: its versions, and the SQL of each.

use highwater_model::{ReadModelVersion, VersionRole};
use leptos::prelude::*;

use super::read_model_editor::Editor;
use super::read_model_orders::Shown;
use crate::components::Time;
use crate::components::read_model_state::StateBadge;

/// The versions, each with its definition.
#[component]
pub fn Versions(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    // What moves with each slice is left out: a definition that somebody reads or selects from is not drawn again.
    let versions = Memo::new(move |_| {
        shown.model.with(|model| {
            let mut versions = model.versions.clone();
            for version in &mut versions {
                version.checkpoint = highwater_model::Position::ZERO;
                version.checkpoint_event_id = None;
                version.moved_at = None;
                version.handled = 0;
                version.generation = 0;
            }
            versions
        })
    });
    let list = move || {
        versions
            .get()
            .into_iter()
            .map(version)
            .collect::<Vec<AnyView>>()
    };
    let in_code =
        Memo::new(move |_| versions.with(|all| all.iter().all(|one| one.definition.is_empty())));
    view! {
        <section>
            <h2>"Definition"</h2>
            {list}
            <Show when=move || !in_code.get()>
                <Editor shown />
            </Show>
        </section>
    }
    .into_any()
}

fn version(version: ReadModelVersion) -> AnyView {
    let role = match version.role {
        VersionRole::Live => "live: readers query it",
        VersionRole::Shadow => "shadow: built beside the live one",
        VersionRole::Previous => "previous: it was live before",
        VersionRole::Waiting => {
            "waiting: a changed definition without tables, until its rebuild; live rows don't change"
        }
    };
    let live = version.role == VersionRole::Live;
    let handler = match version.handler {
        Some(highwater_model::HandlerKind::Slice) => "once a slice",
        Some(highwater_model::HandlerKind::Each) => "once an event",
        None => "in code",
    };
    let sql = (!version.definition.is_empty())
        .then(|| view! { <pre class="sql" tabindex="0" aria-label="SQL">{version.definition.clone()}</pre> });
    let state = live.then(|| view! { <StateBadge state=version.state /> });
    view! {
        <details class="card version" open=live>
            <summary>
                <b>{format!("version {}", version.number)}</b>
                " "
                <span class="dim">{role}</span>
            </summary>
            <dl class="facts">
                <dt>"events"</dt>
                <dd>{version.events.join(", ")}</dd>
                <dt>"handler"</dt>
                <dd>{handler}</dd>
                <dt>"on failure"</dt>
                <dd>{version.policy.as_str()}</dd>
                <dt>"schema"</dt>
                <dd>{version.schema.unwrap_or_else(|| "none yet".to_owned())}</dd>
                <dt>"handed in"</dt>
                <dd>
                    <Time at=version.created_at />
                </dd>
                {state
                    .map(|state| {
                        view! {
                            <dt>"state"</dt>
                            <dd>{state}</dd>
                        }
                    })}
            </dl>
            {sql}
        </details>
    }
    .into_any()
}
