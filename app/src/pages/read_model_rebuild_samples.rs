//! Rows that differ, side by side, a page at a time.

use highwater_model::{DiffKind, DiffRow, TableDiff};
use leptos::prelude::*;
use serde_json::Value;

use crate::api::Api;
use crate::format;

/// Kinds in the order in which they matter, each with its tab.
const KINDS: [(DiffKind, &str); 3] = [
    (DiffKind::Changed, "changed"),
    (DiffKind::Added, "only in the shadow"),
    (DiffKind::Removed, "only in the live one"),
];

/// What is shown of one kind.
#[derive(Debug, Clone, Copy)]
struct Read {
    kind: RwSignal<DiffKind>,
    rows: RwSignal<Vec<DiffRow>>,
    next: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
    error: RwSignal<Option<String>>,
}

impl Read {
    /// Reads the page behind what is shown, or the first one.
    fn more(self, name: String, table: String) {
        self.busy.set(true);
        self.error.set(None);
        let (kind, cursor) = (
            self.kind.get_untracked(),
            self.next.get_untracked().unwrap_or_default(),
        );
        leptos::task::spawn_local(async move {
            let page = Api::from_context()
                .diff_rows(&name, &table, kind, &cursor)
                .await;
            // Another kind was chosen meanwhile.
            if self.kind.try_get_untracked() != Some(kind) {
                return;
            }
            match page {
                Ok(page) => {
                    let _ = self.rows.try_update(|rows| rows.extend(page.rows));
                    let _ = self.next.try_set(page.next);
                }
                Err(error) => {
                    let _ = self.error.try_set(Some(error.to_string()));
                }
            }
            let _ = self.busy.try_set(false);
        });
    }
}

/// Rows of one table.
#[component]
pub fn Samples(
    /// The read model.
    name: String,
    /// The table, with how many rows differ how.
    table: TableDiff,
) -> impl IntoView {
    let count = |kind: DiffKind| match kind {
        DiffKind::Added => table.added,
        DiffKind::Removed => table.removed,
        DiffKind::Changed => table.changed,
    };
    let kinds: Vec<(DiffKind, &'static str, i64)> = KINDS
        .into_iter()
        .map(|(kind, words)| (kind, words, count(kind)))
        .filter(|(.., count)| *count > 0)
        .collect();
    let Some((first, ..)) = kinds.first().copied() else {
        return ().into_any();
    };
    let read = Read {
        kind: RwSignal::new(first),
        rows: RwSignal::new(Vec::new()),
        next: RwSignal::new(None),
        busy: RwSignal::new(true),
        error: RwSignal::new(None),
    };
    let wanted = StoredValue::new((name, table.table.clone()));
    let more = move || {
        let (name, table) = wanted.get_value();
        read.more(name, table);
    };
    Effect::new(more);
    let tabs: Vec<AnyView> = kinds
        .into_iter()
        .map(|(kind, words, count)| {
            let here = move || {
                if read.kind.get() == kind {
                    "true"
                } else {
                    "false"
                }
            };
            let choose = move |_| {
                if read.kind.get_untracked() != kind {
                    read.kind.set(kind);
                    read.rows.set(Vec::new());
                    read.next.set(None);
                    more();
                }
            };
            view! {
                <button type="button" aria-pressed=here on:click=choose>
                    {format!("{} {words}", format::number(count))}
                </button>
            }
            .into_any()
        })
        .collect();
    let table_name = table.table.clone();
    let keys = StoredValue::new(table.key);
    let shown = move || {
        let kind = read.kind.get();
        read.rows
            .with(|rows| keys.with_value(|keys| rows_table(kind, rows, keys)))
    };
    let left = move || {
        read.next
            .with(Option::is_some)
            .then(|| {
                view! {
                    <button type="button" class="quiet" aria-disabled=move || read.busy.get().then_some("true") on:click=move |_| {
                        if !read.busy.get_untracked() {
                            more();
                        }
                    }>
                        {move || if read.busy.get() { "Reading…" } else { "More rows" }}
                    </button>
                }
            })
    };
    view! {
        <div class="choices" role="group" aria-label=format!("Rows of {table_name} that differ")>
            {tabs}
        </div>
        <div class="scroll diff-rows" tabindex="0" role="region" aria-label=format!("Rows of {table_name}, live and shadow")>
            {shown}
            <p class="dim" class:hidden=move || !(read.busy.get() && read.rows.with(Vec::is_empty))>
                "Comparing the rows…"
            </p>
        </div>
        <p class="bad" role="status">{move || read.error.get()}</p>
        <div class="bar">{left}</div>
    }
    .into_any()
}

fn rows_table(kind: DiffKind, rows: &[DiffRow], keys: &[String]) -> AnyView {
    let columns = columns(rows, keys);
    let heads: Vec<AnyView> = columns
        .iter()
        .map(|column| {
            let key = if keys.contains(column) { " ◆" } else { "" };
            view! { <th>{format!("{column}{key}")}</th> }.into_any()
        })
        .collect();
    let (class, sign) = match kind {
        DiffKind::Added => ("add", "+"),
        DiffKind::Removed => ("del", "−"),
        DiffKind::Changed => ("", "≠"),
    };
    let body: Vec<AnyView> = rows
        .iter()
        .map(|row| {
            let cells: Vec<AnyView> = columns
                .iter()
                .map(|column| cell(kind, row, column))
                .collect();
            view! {
                <tr class=class>
                    <td class="sign">{sign}</td>
                    {cells}
                </tr>
            }
            .into_any()
        })
        .collect();
    let told = match kind {
        DiffKind::Added => "only the shadow has these rows",
        DiffKind::Removed => "only the live one has these rows",
        DiffKind::Changed => {
            "both have these rows: struck out as it is live, then as it is in the shadow"
        }
    };
    view! {
        <table class:hidden=rows.is_empty()>
            <caption>{told}</caption>
            <thead>
                <tr>
                    <th class="sign">
                        <span class="unseen">"how it differs"</span>
                    </th>
                    {heads}
                </tr>
            </thead>
            <tbody>{body}</tbody>
        </table>
    }
    .into_any()
}

/// The key first, then what differs, then the rest by name.
fn columns(rows: &[DiffRow], keys: &[String]) -> Vec<String> {
    let mut columns = keys.to_vec();
    let differing = rows.iter().flat_map(|row| &row.columns);
    let all = rows
        .iter()
        .flat_map(|row| [&row.live, &row.shadow])
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(serde_json::Map::keys);
    for column in differing.chain(all) {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    columns
}

fn cell(kind: DiffKind, row: &DiffRow, column: &str) -> AnyView {
    let of = |side: &Option<Value>| side.as_ref().and_then(|row| row.get(column)).cloned();
    let (live, shadow) = (of(&row.live), of(&row.shadow));
    let number = |value: &Option<Value>| value.as_ref().is_some_and(Value::is_number);
    let class = if number(&live) || number(&shadow) {
        "n"
    } else {
        "mono"
    };
    if kind == DiffKind::Changed && row.columns.iter().any(|changed| changed == column) {
        return view! {
            <td class=class>
                <del>{text(live.as_ref())}</del>
                " "
                <ins>{text(shadow.as_ref())}</ins>
            </td>
        }
        .into_any();
    }
    let value = shadow.or(live);
    view! { <td class=class>{text(value.as_ref())}</td> }.into_any()
}

fn text(value: Option<&Value>) -> String {
    match value {
        None => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_key_comes_first_then_what_differs() {
        let rows = [DiffRow {
            live: Some(json!({"a": 1, "day": "x", "orders": 2})),
            shadow: Some(json!({"a": 1, "day": "x", "orders": 1, "z": 0})),
            columns: vec!["orders".to_owned()],
        }];
        assert_eq!(
            columns(&rows, &["day".to_owned()]),
            ["day", "orders", "a", "z"]
        );
    }
}
