//! How large the store is, how it grows, and what it is made of.

use highwater_model::{CategorySummary, RelationSize};
use leptos::prelude::*;

use super::store::Found;
use crate::api::escape;
use crate::components::Time;
use crate::format;

/// How the log grows, and where that leads.
pub(super) fn growth_view(found: &Found) -> AnyView {
    let (facts, sizes) = (&found.facts, &found.sizes);
    let per_event = facts.events_bytes / facts.events.max(1);
    let per_day = per_event * sizes.events_last_day;
    // Of a log that is no day old, the last 24 hours tell nothing of a day.
    let year = if sizes.events_last_day < facts.events {
        format::bytes(facts.events_bytes + per_day * 365)
    } else {
        "known after a day".to_owned()
    };
    view! {
        <dl class="card cards">
            <div>
                <dt>"events with their indexes"</dt>
                <dd>{format::bytes(facts.events_bytes)}</dd>
            </div>
            <div>
                <dt>"an event, on average"</dt>
                <dd>{format::bytes(per_event)}</dd>
            </div>
            <div>
                <dt>"last 24 hours"</dt>
                <dd>{format!("{} events, {}", format::number(sizes.events_last_day), format::bytes(per_day))}</dd>
            </div>
            <div>
                <dt>"in a year, at that rate"</dt>
                <dd>{year}</dd>
            </div>
            <div>
                <dt>"whole database"</dt>
                <dd>{format::bytes(facts.database_bytes)}</dd>
            </div>
            <div>
                <dt>"connections"</dt>
                <dd>{format!("{} of {}", sizes.connections, sizes.connections_most)}</dd>
            </div>
        </dl>
    }
    .into_any()
}

/// Only the rows are made anew: whoever has opened it wants it to stay open.
pub(super) fn sizes_view(sizes: Memo<Vec<RelationSize>>) -> AnyView {
    let row = |relation: RelationSize| {
        let kind = relation
            .table
            .map_or_else(|| "table".to_owned(), |table| format!("index of {table}"));
        view! {
            <tr>
                <td class="mono">{relation.name}</td>
                <td class="dim">{kind}</td>
                <td class="n">{format::bytes(relation.bytes)}</td>
            </tr>
        }
    };
    view! {
        <details class="card sizes">
            <summary>"Tables and indexes, the largest first"</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="Sizes">
                <table>
                    <thead>
                        <tr>
                            <th>"name"</th>
                            <th>"what"</th>
                            <th class="n">"size"</th>
                        </tr>
                    </thead>
                    <tbody>{move || sizes.get().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </details>
    }
    .into_any()
}

/// The categories, the ones with the newest events first as the server has them.
pub(super) fn categories_view(categories: Memo<Vec<CategorySummary>>) -> impl IntoView {
    let row = |category: CategorySummary| {
        let href = format!("/streams?category={}", escape(&category.category));
        view! {
            <tr>
                <td class="mono">
                    <a href=href>{category.category}</a>
                </td>
                <td class="n">{format::number(category.streams)}</td>
                <td class="n">{format::number(category.events)}</td>
                <td class="mono dim">
                    <Time at=category.first_recorded_at />
                </td>
                <td class="mono dim">
                    <Time at=category.last_recorded_at />
                </td>
            </tr>
        }
    };
    view! {
        <details class="card sizes">
            <summary>{move || format!("{} categories", categories.with(Vec::len))}</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="Categories">
                <table>
                    <thead>
                        <tr>
                            <th>"category"</th>
                            <th class="n">"streams"</th>
                            <th class="n">"events"</th>
                            <th>"first"</th>
                            <th>"newest"</th>
                        </tr>
                    </thead>
                    <tbody>{move || categories.get().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </details>
    }
    .into_any()
}
