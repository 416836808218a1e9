//! Event types: how many, since when, and what their data looks like.

use highwater_model::EventTypeSummary;
use highwater_model::filter::quoted;
use leptos::prelude::*;
use leptos_meta::Title;

use super::Loading;
use crate::api::{Api, escape};
use crate::components::problem::{EmptyStore, ErrorNotice};
use crate::components::{Time, TypeName};
use crate::format;

/// The list of event types.
#[component]
pub fn TypesPage() -> impl IntoView {
    let found = Resource::new(
        || (),
        |()| {
            let api = Api::from_context();
            async move { api.event_types().await }
        },
    );
    view! {
        <Title text="Types" />
        <h1>"Types"</h1>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(types) if types.is_empty() => view! { <EmptyStore /> }.into_any(),
                    Ok(types) => types_view(types).into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn types_view(types: Vec<EventTypeSummary>) -> impl IntoView {
    let rows = types
        .into_iter()
        .map(|summary| {
            let href = format!(
                "/?filter={}",
                escape(&format!("type:{}", quoted(&summary.event_type)))
            );
            let shape = summary
                .shape
                .iter()
                // That an event's data is an object goes without saying.
                .filter(|shape| shape.json_type != "object")
                .take(8)
                .map(|shape| format!("{} {}", shape.path, shape.json_type))
                .collect::<Vec<_>>()
                .join(" · ");
            view! {
                <tr>
                    <td>
                        <a href=href>
                            <TypeName name=summary.event_type />
                        </a>
                    </td>
                    <td class="n">{format::number(summary.count)}</td>
                    <td class="mono dim">
                        <Time at=summary.first_recorded_at />
                    </td>
                    <td class="mono dim">
                        <Time at=summary.last_recorded_at />
                    </td>
                    <td class="mono dim data">{shape}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="card scroll" tabindex="0" role="region" aria-label="Event types">
            <table>
                <thead>
                    <tr>
                        <th>"type"</th>
                        <th class="n">"events"</th>
                        <th>"first"</th>
                        <th>"newest"</th>
                        <th class="data">"fields"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
