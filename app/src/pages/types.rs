//! Event types: how many, since when, and what their data looks like.

use highwater_model::filter::quoted;
use highwater_model::{EventTypeSummary, NewShapes};
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
    // Asked for in the browser, when the list is there already: it looks through far more events than the list does.
    let news = RwSignal::new(Vec::<NewShapes>::new());
    Effect::new(move || {
        leptos::task::spawn_local(async move {
            if let Ok(found) = Api::from_context().new_shapes().await {
                let _ = news.try_set(found);
            }
        });
    });
    let rows = types
        .into_iter()
        .map(|summary| type_row(&summary, news))
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

fn type_row(summary: &EventTypeSummary, news: RwSignal<Vec<NewShapes>>) -> AnyView {
    let name = summary.event_type.clone();
    let line = format!("type:{}", quoted(&name));
    let events = format!("/live?filter={}", escape(&line));
    let fields = summary
        .shape
        .iter()
        // That an event's data is an object goes without saying.
        .filter(|shape| shape.json_type != "object")
        .take(8)
        .map(|shape| format!("{} {}", shape.path, shape.json_type))
        .collect::<Vec<_>>()
        .join(" · ");
    let new = {
        let name = name.clone();
        move || {
            news.with(|news| {
                let of = news.iter().find(|of| of.event_type == name)?;
                let paths: Vec<_> = of.shape.iter().map(|shape| shape.path.as_str()).collect();
                Some(format!("new since yesterday: {}", paths.join(", ")))
            })
            .map(|words| view! { <span class="pill new">{words}</span> " " })
        }
    };
    view! {
        <tr>
            <td>
                <a href=format!("/types/{}", escape(&name))>
                    <TypeName name=name.clone() />
                </a>
            </td>
            <td class="n">
                <a href=events>{format::number(summary.count)}</a>
            </td>
            <td class="mono dim">
                <Time at=summary.first_recorded_at />
            </td>
            <td class="mono dim">
                <Time at=summary.last_recorded_at />
            </td>
            <td class="mono dim data">{new} {fields}</td>
        </tr>
    }
    .into_any()
}
