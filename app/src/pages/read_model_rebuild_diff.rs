//! The comparison: the shadow against the live rows, table by table.

use highwater_model::{ReadModelDiff, TableDiff, VersionRole};
use leptos::prelude::*;

use super::read_model_orders::Said;
use super::read_model_rebuild::{Rebuild, told_of};
use super::read_model_rebuild_promote::{DiscardShadow, Promote};
use super::read_model_rebuild_samples::Samples;
use crate::api::Api;
use crate::components::job::seconds_of_work;
use crate::components::read_model_state::counted;
use crate::format;

/// Compares, shows what differs, and leads on to promoting.
#[component]
pub fn Compare(
    /// What the section shows.
    rebuild: Rebuild,
) -> impl IntoView {
    // Other orders have other words.
    let waits = RwSignal::new(false);
    let compare = move |_| {
        rebuild.order_from(waits, async move {
            let diff = Api::from_context().diff(&rebuild.name()).await?;
            let said = format!(
                "Compared in {}: {}.",
                seconds_of_work(diff.seconds),
                told_of(&diff)
            );
            let _ = rebuild.diff.try_set(Some(diff));
            Ok(Said::done(said))
        });
    };
    let diff = Memo::new(move |_| rebuild.current_diff());
    let shadow = Memo::new(move |_| {
        rebuild
            .version_title(VersionRole::Shadow)
            .unwrap_or_default()
    });
    let words = move || {
        format!(
            "{} is built in the shadow and follows the log. Nobody reads it yet: compare its rows with the live ones before you promote it.",
            shadow.get()
        )
    };
    let button = move || match (waits.get(), diff.with(Option::is_some)) {
        (true, _) => "Comparing…",
        (false, false) => "Compare with the live rows",
        (false, true) => "Compare again",
    };
    view! {
        <p>{words}</p>
        <div class="bar">
            <button
                type="button"
                class=move || if diff.with(Option::is_some) { "" } else { "go" }
                aria-disabled=move || rebuild.busy.get().then_some("true")
                on:click=compare
            >
                {button}
            </button>
            <span class="dim">{move || diff.get().map(|diff| place(&diff))}</span>
        </div>
        {move || diff.get().map(|diff| tables(rebuild, &diff))}
        <Show when=move || diff.with(Option::is_some)>
            <Promote rebuild />
        </Show>
        <DiscardShadow rebuild />
    }
    .into_any()
}

/// Where both stood.
fn place(diff: &ReadModelDiff) -> String {
    let live = format::number(diff.live_position.0);
    let took = seconds_of_work(diff.seconds);
    if diff.live_position == diff.shadow_position {
        format!("both at position {live} · compared in {took}")
    } else {
        format!(
            "the live one at position {live}, the shadow at {} · compared in {took}",
            format::number(diff.shadow_position.0)
        )
    }
}

fn tables(rebuild: Rebuild, diff: &ReadModelDiff) -> AnyView {
    let identical = diff.identical.then(|| {
        view! { <p class="notice done">"Identical: the shadow has the same rows as the live one, in every table and column that is compared."</p> }
    });
    let shown: Vec<AnyView> = diff
        .tables
        .iter()
        .map(|table| one(rebuild, table))
        .collect();
    view! {
        {identical}
        {shown}
    }
    .into_any()
}

fn one(rebuild: Rebuild, table: &TableDiff) -> AnyView {
    let same = table
        .shadow_rows
        .zip(table.live_rows)
        .map(|(shadow, _)| shadow - table.added - table.changed);
    let chip = |number: i64, class: &'static str, sign: &'static str, words: &'static str| {
        (number > 0).then(|| {
            view! {
                <span class=format!("chip {class}")>
                    <b aria-hidden="true">{sign}</b>
                    {format!("{} {words}", format::number(number))}
                </span>
            }
            .into_any()
        })
    };
    let chips: Vec<AnyView> = [
        same.and_then(|same| chip(same, "", "=", "identical")),
        chip(table.changed, "warn", "≠", "changed"),
        chip(table.added, "ok", "+", "only in the shadow"),
        chip(table.removed, "gone", "−", "only in the live one"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let rows = |rows: Option<i64>| {
        rows.map_or_else(
            || "no such table".to_owned(),
            |rows| counted(rows, "row", "rows"),
        )
    };
    let sides = format!(
        "live {} · shadow {}",
        rows(table.live_rows),
        rows(table.shadow_rows)
    );
    let identical = table.is_identical();
    let verdict = if identical {
        "✓ identical"
    } else {
        "≠ differs"
    };
    let facts = column_facts(table);
    let samples = (table.added + table.removed + table.changed > 0)
        .then(|| view! { <Samples name=rebuild.name() table=table.clone() /> });
    view! {
        <section class="table-diff" aria-label=format!("Table {}", table.table)>
            <div class="bar">
                <h3 class="mono">{table.table.clone()}</h3>
                <span class=if identical { "verdict ok" } else { "verdict warn" }>{verdict}</span>
                <span class="dim">{sides}</span>
                <span class="grow"></span>
                <div class="chips">{chips}</div>
            </div>
            {facts}
            {samples}
        </section>
    }
    .into_any()
}

/// What there is to say of columns: which differ, which are left out, which only one has.
fn column_facts(table: &TableDiff) -> Option<AnyView> {
    let changed: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.changed > 0)
        .map(|column| {
            format!(
                "{} in {}",
                column.column,
                counted(column.changed, "row", "rows")
            )
        })
        .collect();
    let key = if table.key.is_empty() {
        Some("whole rows: it has no primary key that both share".to_owned())
    } else {
        None
    };
    let facts: Vec<AnyView> = [
        ("changed columns", Some(changed.join(", "))),
        ("left out", Some(table.ignored.join(", "))),
        ("new columns", Some(table.added_columns.join(", "))),
        ("columns that go", Some(table.removed_columns.join(", "))),
        ("compared by", key),
    ]
    .into_iter()
    .filter_map(|(name, said)| {
        let said = said.filter(|said| !said.is_empty())?;
        Some(
            view! {
                <dt>{name}</dt>
                <dd>{said}</dd>
            }
            .into_any(),
        )
    })
    .collect();
    (!facts.is_empty()).then(|| view! { <dl class="facts plan">{facts}</dl> }.into_any())
}
