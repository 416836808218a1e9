//! A diff shows exactly the rows that a shadow has otherwise than the live read model, at the same position.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::BTreeSet;

use highwater_engine::ReadModels;
use highwater_model::{DiffKind, DiffRow, ReadModelDiff};
use highwater_store::read_models::ReadModelError;
use serde_json::json;
use support::{Fresh, TOTALS, order, started};

/// The fixed definition.
const ITEMS: &str = "-- highwater: events OrderPlaced, OrderCancelled
-- highwater: ignore columns seen, totals.noted
-- highwater: tables
create table totals (customer text primary key, orders bigint not null, cents bigint not null, noted timestamptz default clock_timestamp());
create table moves (type text not null, customer text not null, extra json, seen timestamptz default clock_timestamp());
-- highwater: slice
insert into totals select data->>'customer', count(*), sum((data->>'cents')::bigint) from events where type = 'OrderPlaced' group by 1
on conflict (customer) do update set orders = totals.orders + excluded.orders, cents = totals.cents + excluded.cents;
insert into moves select type, data->>'customer', '{}' from events;
";

async fn rebuilt(fresh: &Fresh, first: &str, second: &str) -> ReadModels {
    fresh.orders(0, 300).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", first).await;
    fresh.caught_up(&read_models, "totals").await;
    if first != second {
        read_models.put("totals", second, &order()).await.unwrap();
    }
    let job = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    support::over(fresh, job).await;
    read_models
}

async fn all(read_models: &ReadModels, table: &str, kind: DiffKind) -> Vec<DiffRow> {
    let (mut rows, mut cursor): (Vec<DiffRow>, Option<String>) = (Vec::new(), None);
    loop {
        let page = read_models
            .diff_rows("totals", table, kind, cursor.as_deref(), 3)
            .await
            .unwrap();
        assert!(page.rows.len() <= 3);
        rows.extend(page.rows);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return rows,
        }
    }
}

fn level(diff: &ReadModelDiff) {
    assert_eq!(diff.live_position, diff.shadow_position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_shows_exactly_the_wrong_rows_while_appends_go_on() {
    let fresh = Fresh::new().await;
    // Takes c1 for nobody, doubles c2, and has somebody who never ordered.
    let wrong = ITEMS
        .replace("where type = 'OrderPlaced' group by 1", "where type = 'OrderPlaced' and data->>'customer' <> 'c1' group by 1")
        .replace("sum((data->>'cents')::bigint)", "sum((data->>'cents')::bigint * case data->>'customer' when 'c2' then 2 else 1 end)")
        .replace(
            "insert into moves select type, data->>'customer', '{}' from events;",
            "insert into moves select type, data->>'customer', '{}' from events where data->>'customer' <> 'c3';
             insert into totals values ('nobody', 0, 0) on conflict do nothing;",
        );
    let read_models = rebuilt(&fresh, &wrong, ITEMS).await;
    let more = async {
        for n in 0..6 {
            fresh.orders(1_000 + n * 50, 50).await;
        }
    };
    let (diff, ()) = tokio::join!(read_models.diff("totals"), more);
    let diff = diff.unwrap();
    level(&diff);
    assert!(!diff.identical);
    let tables: Vec<&str> = diff.tables.iter().map(|t| t.table.as_str()).collect();
    assert_eq!(tables, ["moves", "totals"]);
    let totals = &diff.tables[1];
    assert_eq!(totals.key, ["customer"]);
    assert_eq!((totals.added, totals.removed, totals.changed), (1, 1, 1));
    assert_eq!((totals.live_rows, totals.shadow_rows), (Some(10), Some(10)));
    assert_eq!(totals.columns.len(), 1);
    assert_eq!(totals.columns[0].column, "cents");
    let moves = &diff.tables[0];
    assert!(moves.key.is_empty());
    assert_eq!((moves.removed, moves.changed), (0, 0));
    assert_eq!(
        Some(moves.added),
        moves.shadow_rows.zip(moves.live_rows).map(|(s, l)| s - l)
    );
    assert!(moves.added >= 60);

    let added = all(&read_models, "totals", DiffKind::Added).await;
    assert_eq!(added.len(), 1);
    assert_eq!(added[0].shadow.as_ref().unwrap()["customer"], "c1");
    assert_eq!(added[0].live, None);
    let removed = all(&read_models, "totals", DiffKind::Removed).await;
    assert_eq!(removed[0].live.as_ref().unwrap()["customer"], "nobody");
    let changed = all(&read_models, "totals", DiffKind::Changed).await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].columns, ["cents"]);
    let cents = |row: &Option<serde_json::Value>| row.as_ref().unwrap()["cents"].as_i64().unwrap();
    assert_eq!(cents(&changed[0].live), 2 * cents(&changed[0].shadow));
    let added = all(&read_models, "moves", DiffKind::Added).await;
    assert!(
        added
            .iter()
            .all(|row| row.shadow.as_ref().unwrap()["customer"] == "c3")
    );
    assert!(added.len() >= 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_definition_again_is_identical_and_pages_follow_the_key() {
    let fresh = Fresh::new().await;
    let read_models = rebuilt(&fresh, ITEMS, ITEMS).await;
    let diff = read_models.diff("totals").await.unwrap();
    level(&diff);
    assert!(diff.identical, "{diff:#?}");
    assert_eq!(diff.tables[1].ignored, ["seen", "noted"]);
    sqlx::query("update totals.totals set orders = orders + 1")
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    let rows = all(&read_models, "totals", DiffKind::Changed).await;
    let customers: Vec<String> = rows
        .iter()
        .map(|row| row.live.as_ref().unwrap()["customer"].to_string())
        .collect();
    assert_eq!(customers.len(), 10);
    let sorted: BTreeSet<String> = customers.iter().cloned().collect();
    assert_eq!(customers, sorted.into_iter().collect::<Vec<_>>());
    let refused = read_models
        .diff_rows("totals", "totals", DiffKind::Changed, Some("[1]"), 3)
        .await
        .unwrap_err();
    assert!(matches!(refused, ReadModelError::Refused(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_one_that_is_paused_is_compared_where_it_stands() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 20).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let refused = read_models.diff("totals").await.unwrap_err();
    assert!(refused.to_string().contains("no shadow"), "{refused}");
    read_models.pause("totals", &order()).await.unwrap();
    fresh.orders(100, 20).await;
    let job = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    support::over(&fresh, job).await;
    let diff = read_models.diff("totals").await.unwrap();
    assert!(diff.live_position < diff.shadow_position, "{diff:#?}");
    assert!(!diff.identical);
}
