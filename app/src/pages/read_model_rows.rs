//! The rows of a read model's tables, a page at a time; the URL says which table, order and page.

use std::collections::BTreeMap;

use highwater_model::{RowsColumn, RowsPage, VersionRole};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use serde_json::value::RawValue;

use super::href_with;
use super::read_model_orders::Shown;
use crate::api::{Answer, Api, RowsRequest, escape};
use crate::live::on_pulse;

/// Rows are not read again more often than this, however fast they change.
const APART_MS: f64 = 1_900.0;

/// Tables, and the rows of one.
#[component]
pub fn Rows(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let name = shown.model.with_untracked(|model| model.name.clone());
    let map = use_query_map();
    let request = Memo::new(move |_| {
        map.with(|map| RowsRequest {
            table: map.get("table").unwrap_or_default(),
            order: map.get("order").unwrap_or_default(),
            equals: String::new(),
            descending: map.get("direction").is_some_and(|way| way == "backward"),
            cursor: map.get("cursor").unwrap_or_default(),
            version: map.get("version").unwrap_or_default(),
        })
    });
    let asked = name.clone();
    let found = Resource::new(
        move || request.get(),
        move |request| {
            let (api, name) = (Api::from_context(), asked.clone());
            async move { api.rows(&name, &request).await }
        },
    );
    let fresh = RwSignal::new(None::<(RowsRequest, Answer<RowsPage>)>);
    let asked = name.clone();
    let handled = StoredValue::new(None);
    on_pulse(APART_MS, move || {
        let (api, name) = (Api::from_context(), asked.clone());
        let request = request.get_untracked();
        // Rows change when events are handled, when an order was given, and when another version has the role.
        let now = shown.model.with_untracked(|model| {
            let of = model
                .versions
                .iter()
                .find(|version| version.role.as_str() == request.version)
                .or(model.versions.first());
            of.map(|version| (version.id, version.handled, version.since))
        });
        let changed = handled.try_update_value(|handled| handled.replace(now) != Some(now));
        Box::pin(async move {
            if changed == Some(true) {
                let page = api.rows(&name, &request).await;
                let _ = fresh.try_set(Some((request, page)));
            }
        })
    });
    view! {
        <section>
            <VersionChoice shown />
            <Transition fallback=|| ()>
                {
                    let name = name.clone();
                    move || {
                        let name = name.clone();
                        Suspend::new(async move {
                            let first = found.await;
                            let request = request.get_untracked();
                            move || {
                                let newest = fresh
                                    .get()
                                    .filter(|(of, _)| *of == request)
                                    .map_or_else(|| first.clone(), |(_, page)| page);
                                match newest {
                                    Ok(page) => map.with_untracked(|map| rows_view(&name, &page, &request, map)),
                                    Err(error) => {
                                        view! {
                                            <h2>"Rows"</h2>
                                            <p class="notice">{error.to_string()}</p>
                                        }
                                            .into_any()
                                    }
                                }
                            }
                        })
                    }
                }
            </Transition>
        </section>
    }
    .into_any()
}

/// Links to the versions that have rows, where there are several.
#[component]
fn VersionChoice(
    /// The page's read model.
    shown: Shown,
) -> impl IntoView {
    let name = shown.model.with_untracked(|model| model.name.clone());
    let path = format!("/read-models/{}", escape(&name));
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|map| map.get("version").unwrap_or_default()));
    let versions = Memo::new(move |_| {
        shown.model.with(|model| {
            let with_rows = model.versions.iter().filter(|one| one.schema.is_some());
            with_rows
                .map(|one| (one.role, one.number))
                .collect::<Vec<_>>()
        })
    });
    move || {
        let (asked, versions) = (asked.get(), versions.get());
        if versions.len() < 2 && asked.is_empty() {
            return None;
        }
        let links: Vec<AnyView> = versions
            .into_iter()
            .map(|(role, number)| {
                let value = if role == VersionRole::Live {
                    ""
                } else {
                    role.as_str()
                };
                // Another version may have other tables, and has other pages.
                let changes = [("version", value), ("cursor", "")];
                let href = query.with(|query| href_with(&path, query, &changes));
                let here = value == asked || role.as_str() == asked;
                view! {
                    <a class="pill" href=href data-noscroll="" aria-current=here.then_some("true")>
                        {format!("{} · version {number}", role.as_str())}
                    </a>
                }
                .into_any()
            })
            .collect();
        Some(view! {
            <nav class="tabs" aria-label="Rows of which version">
                {links}
            </nav>
        })
    }
}

fn rows_view(name: &str, page: &RowsPage, request: &RowsRequest, query: &ParamsMap) -> AnyView {
    let path = format!("/read-models/{}", escape(name));
    let href = |table: &str, order: &str, descending: bool, cursor: &str| {
        let direction = if descending { "backward" } else { "" };
        href_with(
            &path,
            query,
            &[
                ("table", table),
                ("order", order),
                ("direction", direction),
                ("cursor", cursor),
            ],
        )
    };
    let tabs: Vec<AnyView> = page
        .tables
        .iter()
        .map(|table| {
            let here = *table == page.table;
            view! {
                <a class="pill mono" href=href(table, "", false, "") data-noscroll="" aria-current=here.then_some("true")>
                    {table.clone()}
                </a>
            }
            .into_any()
        })
        .collect();
    let heads: Vec<AnyView> = page
        .columns
        .iter()
        .map(|column| {
            let sorted = column.name == request.order;
            let sort = sorted.then_some(if request.descending { "descending" } else { "ascending" });
            let mark = match sort {
                Some("ascending") => " ↑",
                Some(_) => " ↓",
                None => "",
            };
            let to = href(&page.table, &column.name, sorted && !request.descending, "");
            view! {
                <th class=if is_number(column) { "n" } else { "" } aria-sort=sort title=column.column_type.clone()>
                    <a href=to data-noscroll="">
                        {column.name.clone()}
                        {if column.key { " ◆" } else { "" }}
                        {mark}
                    </a>
                </th>
            }
            .into_any()
        })
        .collect();
    let rows: Vec<AnyView> = page
        .rows
        .iter()
        .map(|row| row_view(row, &page.columns))
        .collect();
    let none = rows.is_empty().then(|| {
        view! { <p class="notice">"No row here. Rows appear when an event is handled that makes one."</p> }
    });
    let first = (!request.cursor.is_empty()).then(|| {
        view! {
            <a class="button" data-noscroll="" href=href(&page.table, &request.order, request.descending, "")>
                "First page"
            </a>
        }
    });
    let next = page.next.as_deref().map(|cursor| {
        view! {
            <a class="button" data-noscroll="" href=href(&page.table, &request.order, request.descending, cursor)>
                "Next page"
            </a>
        }
    });
    view! {
        <div class="bar">
            <h2>"Rows"</h2>
            <div class="tabs">{tabs}</div>
            <span class="grow"></span>
            <span class="dim">"◆ belongs to the key; a column's name sorts by it"</span>
        </div>
        <div class="card scroll rows-of" tabindex="0" role="region" aria-label=format!("Rows of {}", page.table)>
            <table>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {none}
        <div class="bar">{first} {next}</div>
    }
    .into_any()
}

fn row_view(row: &RawValue, columns: &[RowsColumn]) -> AnyView {
    // Values keep the text that the database wrote, so that a number shows each of its digits.
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(row.get()).unwrap_or_default();
    let cells: Vec<AnyView> = columns
        .iter()
        .map(|column| {
            let value = fields.remove(&column.name);
            let text = value.as_deref().map_or("null", RawValue::get);
            let class = match (text, is_number(column)) {
                ("null", _) => "mono null",
                (_, true) => "n",
                (_, false) => "mono",
            };
            let said = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
            view! { <td class=class>{said}</td> }.into_any()
        })
        .collect();
    view! { <tr>{cells}</tr> }.into_any()
}

fn is_number(column: &RowsColumn) -> bool {
    let of = |kind: &&str| column.column_type.starts_with(*kind);
    ["bigint", "integer", "smallint", "numeric", "real", "double"]
        .iter()
        .any(of)
}
