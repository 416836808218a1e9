//! A slice is ranges of the log's key, whatever the size of the log, and a rare type costs its own events.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::Position;
use highwater_store::Ids;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use support::{Fresh, TOTALS, started};

const RARE: &str = "-- highwater: events Rare
-- highwater: tables
create table found (position bigint primary key, stream text not null);
-- highwater: slice
insert into found select position, stream from events;
";

/// 60,000 events, of the rare type every 15,000.
async fn fill(fresh: &Fresh) {
    for chunk in 0..60 {
        let lines = (chunk * 1_000 + 1..=chunk * 1_000 + 1_000).map(|n| {
            let kind = match n {
                _ if n % 15_000 == 77 => "Rare",
                _ if n % 2 == 0 => "OrderPlaced",
                _ => "OrderNoted",
            };
            let line = json!({
                "stream": format!("order-{}", n % 1_000), "type": kind, "id": Ids.event_id(),
                "data": {"customer": format!("c{}", n % 10), "cents": 1},
            });
            serde_json::from_value(line).unwrap()
        });
        fresh.store.import(lines.collect()).await.unwrap();
    }
}

async fn explain(fresh: &Fresh, query: &str) -> Value {
    let explain = format!("explain (analyze, format json) {query}");
    sqlx::query_scalar(AssertSqlSafe(explain))
        .fetch_one(&mut fresh.sql().await)
        .await
        .unwrap()
}

/// Every node of a plan that reads the log: its kind, its index, and how many rows it looked at.
fn reads_of_the_log(plan: &Value, found: &mut Vec<(String, String, f64)>) {
    match plan {
        Value::Object(node) => {
            if node.get("Relation Name") == Some(&json!("events")) {
                let number = |name: &str| node.get(name).and_then(Value::as_f64).unwrap_or(0.0);
                let text = |name: &str| {
                    node.get(name)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                let rows = (number("Actual Rows") + number("Rows Removed by Filter"))
                    * number("Actual Loops");
                found.push((text("Node Type"), text("Index Name"), rows));
            }
            node.values()
                .for_each(|inner| reads_of_the_log(inner, found));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|inner| reads_of_the_log(inner, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_reads_its_events_and_a_rare_type_does_not_scan_the_log() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "rare", RARE).await;
    started(&read_models, "totals", TOTALS).await;
    // The runners have made their plans for an empty log.
    fresh
        .until("rare", |read_model| read_model.trend == "live")
        .await;
    fill(&fresh).await;
    fresh.caught_up(&read_models, "rare").await;
    fresh.caught_up(&read_models, "totals").await;
    let rare = fresh.store.read_model("rare").await.unwrap();
    assert_eq!(
        (rare.checkpoint, rare.versions[0].handled),
        (Position(60_000), 4)
    );

    sqlx::raw_sql("analyze")
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    // The slices that were handled last, as wide as the log, and narrow.
    for (read_model, after, upto, most) in [
        ("rare", 0, 60_000, 8.0),
        ("totals", 59_000, 60_000, 1_000.0),
    ] {
        let set = format!(
            "update highwater.read_model_progress p set sliced_after = {after}, checkpoint = {upto} from highwater.read_model_versions v, highwater.read_models m
             where v.version_id = p.version_id and m.read_model_id = v.read_model_id and m.name = '{read_model}'"
        );
        sqlx::raw_sql(AssertSqlSafe(set))
            .execute(&mut fresh.sql().await)
            .await
            .unwrap();
        let plan = explain(
            &fresh,
            &format!("select stream, version, type, data from {read_model}.events"),
        )
        .await;
        let mut reads = Vec::new();
        reads_of_the_log(&plan, &mut reads);
        assert_eq!(reads.len(), 1, "{plan:#}");
        let (kind, index, rows) = &reads[0];
        assert_eq!(
            (kind.as_str(), index.as_str()),
            ("Index Scan", "events_pkey"),
            "{plan:#}"
        );
        assert!(*rows <= most, "{rows} rows: {plan:#}");
        // Who doesn't ask for the stream doesn't pay for it.
        let plan = explain(
            &fresh,
            &format!("select count(*), min(data->>'customer') from {read_model}.events"),
        )
        .await;
        assert!(!plan.to_string().contains("streams"), "{plan:#}");
    }
    let plan = explain(
        &fresh,
        "select set_config('highwater.event', '59990', false), e.* from totals.event e",
    )
    .await;
    let mut reads = Vec::new();
    reads_of_the_log(&plan, &mut reads);
    assert_eq!(reads[0].1, "events_pkey", "{plan:#}");
    fresh.tasks.shutdown().await;
}

/// Says what each order is; how a read model looks for it is the planner's choice.
const NEWEST: &str = "-- highwater: events Order*
-- highwater: tables
create table newest (stream text primary key, type text not null);
-- highwater: slice
insert into newest
select distinct on (stream) stream, type from events order by stream, version desc
on conflict (stream) do update set type = excluded.type;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_small_slice_does_not_read_the_names_of_all_streams() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "newest", NEWEST).await;
    fresh.orders(0, 20).await;
    fresh.caught_up(&read_models, "newest").await;
    // So many that reading them all looks cheaper than finding as many as a slice may have, and takes 50 ms.
    sqlx::raw_sql(
        "insert into highwater.streams (name, category) select 'many-' || n, 'many' from generate_series(1, 100000) n; analyze highwater.streams",
    )
    .execute(&mut fresh.sql().await)
    .await
    .unwrap();
    let plan = explain(
        &fresh,
        "select distinct on (stream) stream, category, type from newest.events order by stream, version desc",
    )
    .await;
    assert_eq!(reads(&plan, "streams", "Seq Scan"), 0, "{plan:#}");
    assert!(reads(&plan, "streams", "Index Scan") > 0, "{plan:#}");
    fresh.tasks.shutdown().await;
}

/// What a server made that joins streams, as far as it can be told from ours: it shows nothing here.
const FROM_BEFORE: &str = "
    update highwater.read_model_progress set slice_limit = 1000;
    create or replace view newest.events with (security_barrier) as
    select e.position, s.name as stream, s.category, e.version, e.event_id as id, k.name as type, e.data, e.metadata, e.correlation_id,
      e.causation_id, e.occurred_at, e.recorded_at
    from (select * from highwater.events limit 1000) e left join highwater.streams s on s.stream_id = e.stream_id
    left join highwater.event_types k on k.type_id = e.type_id where false";

#[tokio::test(flavor = "multi_thread")]
async fn the_view_that_a_server_from_before_has_left_is_made_anew() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "newest", NEWEST).await;
    fresh.orders(0, 20).await;
    fresh.caught_up(&read_models, "newest").await;
    fresh.tasks.shutdown().await;
    let mut sql = fresh.sql().await;
    sqlx::raw_sql(FROM_BEFORE).execute(&mut sql).await.unwrap();

    let fresh = Fresh::at(fresh.url).await;
    fresh.orders(20, 20).await;
    fresh.caught_up(&fresh.read_models(), "newest").await;
    let orders: i64 = sqlx::query_scalar("select count(*) from newest.newest")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(orders, 40, "it was handled by the view from before");
    fresh.tasks.shutdown().await;
}

/// Nodes of a plan that read a table in this way.
fn reads(plan: &Value, table: &str, how: &str) -> usize {
    match plan {
        Value::Object(node) => {
            let is = node.get("Relation Name") == Some(&json!(table))
                && node.get("Node Type") == Some(&json!(how));
            usize::from(is)
                + node
                    .values()
                    .map(|inner| reads(inner, table, how))
                    .sum::<usize>()
        }
        Value::Array(items) => items.iter().map(|inner| reads(inner, table, how)).sum(),
        _ => 0,
    }
}
