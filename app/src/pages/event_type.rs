//! One event type: how many, since when, and what its data looks like.

use highwater_model::filter::quoted;
use highwater_model::{EventTypeSummary, Shape};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::Loading;
use crate::api::{Api, escape};
use crate::components::problem::{ErrorNotice, NotFound};
use crate::components::{Time, TypeName};
use crate::format;

/// One event type.
#[component]
pub fn EventTypePage() -> impl IntoView {
    let params = use_params_map();
    let name = move || params.with(|params| params.get("type").unwrap_or_default());
    let found = Resource::new(name, |name| {
        let api = Api::from_context();
        async move { api.event_type(&name).await }
    });
    view! {
        <Title text=name />
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(summary) => type_view(&summary).into_any(),
                    Err(error) if error.is_not_found() => view! { <NotFound what=error.to_string() /> }.into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn type_view(summary: &EventTypeSummary) -> AnyView {
    let line = format!("type:{}", quoted(&summary.event_type));
    let href = format!("/live?filter={}", escape(&line));
    let new: Vec<_> = summary
        .shape
        .iter()
        .filter(|shape| shape.is_new == Some(true))
        .map(|shape| format!("{} ({})", shape.path, shape.json_type))
        .collect();
    let news = (!new.is_empty()).then(|| {
        view! {
            <p class="notice warn" role="status">
                {format!("New since yesterday: {}.", new.join(", "))}
            </p>
        }
    });
    view! {
        <h1>
            <TypeName name=summary.event_type.clone() />
        </h1>
        <dl class="card cards">
            <div>
                <dt>"events"</dt>
                <dd>
                    <a href=href>{format::number(summary.count)}</a>
                </dd>
            </div>
            <div>
                <dt>"first"</dt>
                <dd>
                    <Time at=summary.first_recorded_at />
                </dd>
            </div>
            <div>
                <dt>"newest"</dt>
                <dd>
                    <Time at=summary.last_recorded_at />
                </dd>
            </div>
        </dl>
        {news}
        {shape_view(&summary.shape)}
    }
    .into_any()
}

fn shape_view(shape: &[Shape]) -> AnyView {
    if shape.is_empty() {
        return view! { <p class="notice">"Its newest events are all larger than 64 KiB, so their data was not looked through."</p> }.into_any();
    }
    let rows = shape
        .iter()
        .map(|shape| {
            let share = format!("{:.0} %", shape.share * 100.0);
            let new = (shape.is_new == Some(true)).then(|| view! { <span class="pill new">"new since yesterday"</span> });
            view! {
                <tr>
                    <td class="mono">{shape.path.clone()} " " {new}</td>
                    <td>{shape.json_type.clone()}</td>
                    <td class="n">
                        <meter min="0" max="1" value=shape.share.to_string() aria-hidden="true"></meter>
                        {share}
                    </td>
                    <td class="mono dim data">{shape.example.clone().unwrap_or_default()}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="card scroll" tabindex="0" role="region" aria-label="Fields">
            <table>
                <caption>"What the data of its newest events has, 100 at most"</caption>
                <thead>
                    <tr>
                        <th>"path"</th>
                        <th>"JSON type"</th>
                        <th class="n">"share of events"</th>
                        <th class="data">"example"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
