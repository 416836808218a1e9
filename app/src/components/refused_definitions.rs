//! Definitions of the watched folder that were refused.

use highwater_model::RefusedDefinition;
use leptos::prelude::*;

/// What is refused, and what to do; nothing when nothing is.
#[component]
pub fn RefusedDefinitions(
    /// All that is.
    #[prop(into)]
    refused: Signal<Vec<RefusedDefinition>>,
) -> impl IntoView {
    let list = move || {
        refused
            .get()
            .into_iter()
            .map(|one| {
                let file = if one.name.is_empty() {
                    "The folder".to_owned()
                } else {
                    format!("{}.sql", one.name)
                };
                view! {
                    <li>
                        <b class="mono">{file}</b>
                        {format!(": {}", one.problem)}
                    </li>
                }
            })
            .collect::<Vec<_>>()
    };
    view! {
        <div role="status">
            <Show when=move || refused.with(|refused| !refused.is_empty())>
                <section class="notice bad">
                    <h2>"Refused definitions"</h2>
                    <ul>{list}</ul>
                    <p>
                        "Read models of these names go on as they were. Mend the file: it is read again as soon as it changes."
                    </p>
                </section>
            </Show>
        </div>
    }
    .into_any()
}
