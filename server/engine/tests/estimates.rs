//! What a plan and a running rebuild say of disk and time comes true.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_model::JobState;
use serde_json::json;
use support::{Fresh, TOTALS, order, over, rebuild_slowly, started};

/// A row for each event, found in two ways.
const LINES: &str = "-- highwater: events Order*
-- highwater: tables
create table lines (position bigint primary key, stream text not null, customer text not null, cents bigint not null);
create index on lines (customer, cents);
create table customers (customer text primary key, events bigint not null);
-- highwater: slice
insert into lines select position, stream, data->>'customer', (data->>'cents')::bigint from events;
insert into customers select data->>'customer', count(*) from events group by 1
on conflict (customer) do update set events = customers.events + excluded.events;
";

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_that_a_plan_tells_is_right_within_a_factor_of_two() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "lines", LINES).await;
    // It grew in many slices, and its one hot table was written over and over.
    for round in 0..20 {
        fresh.orders(round * 150, 150).await;
        fresh.caught_up(&read_models, "lines").await;
    }
    let plan = read_models.plan_rebuild("lines").await.unwrap();
    let job = read_models
        .rebuild("lines", &order(), &json!({}))
        .await
        .unwrap();
    assert_eq!(over(&fresh, job).await.state, JobState::Done);
    let needed: i64 = sqlx::query_scalar(
        "select sum(pg_total_relation_size(c.oid))::bigint from pg_class c where c.relnamespace = 'lines__shadow'::regnamespace and c.relkind = 'r'",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert!(
        plan.disk_bytes <= needed * 2 && needed <= plan.disk_bytes * 2,
        "{} told, {needed} needed",
        plan.disk_bytes
    );
}

/// The speed is set, so what is left takes as long on any machine.
#[tokio::test(flavor = "multi_thread")]
async fn after_its_first_fifth_a_rebuild_says_when_it_will_be_ready_within_thirty_percent() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 2_200).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let job = rebuild_slowly(&read_models, "totals", 500).await;
    let (told, at) = loop {
        let job = fresh.store.job(job).await.unwrap();
        assert_eq!(job.state, JobState::Running);
        if job.done * 5 >= job.total {
            break (job, fresh.store.clock().now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(told.done * 2 < told.total, "{told:#?}");
    let done = over(&fresh, job).await;
    assert_eq!(done.state, JobState::Done, "{done:#?}");
    let took = done.ended_at.unwrap().duration_since(at).as_secs_f64();
    let eta = told.eta.unwrap();
    let middle = f64::midpoint(eta.from, eta.to);
    assert!(
        (middle - took).abs() <= 0.3 * took,
        "told {eta:?}, took {took}"
    );
}
