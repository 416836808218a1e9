//! A plan counts what a rebuild has to do, tries it, and keeps nothing of that.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use serde_json::json;
use support::{Fresh, TOTALS, order, over, started};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_events_measures_time_and_leaves_nothing() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 300).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let left = "select (select count(*) from pg_class), (select count(*) from highwater.read_model_versions), (select count(*) from highwater.read_models)";
    let before: (i64, i64, i64) = sqlx::query_as(left)
        .fetch_one(&mut fresh.sql().await)
        .await
        .unwrap();
    let plan = read_models.plan_rebuild("totals").await.unwrap();
    assert_eq!(plan.matching, 700);
    assert!(!plan.changed_definition);
    assert!(plan.disk_bytes > 0);
    assert_eq!(plan.measured, "a probe of 700 events");
    let duration = plan.duration.unwrap();
    assert!(0.0 < duration.from && duration.from < duration.to);
    assert!(plan.warnings[0].contains("no changed definition waits"));
    let after: (i64, i64, i64) = sqlx::query_as(left)
        .fetch_one(&mut fresh.sql().await)
        .await
        .unwrap();
    assert_eq!(before, after);

    let job = read_models
        .rebuild("totals", &order(), &serde_json::to_value(&plan).unwrap())
        .await
        .unwrap();
    let job = over(&fresh, job).await;
    assert_eq!(job.plan["matching"], 700);
    let again = read_models.plan_rebuild("totals").await.unwrap();
    assert_eq!(again.measured, "the last rebuild of this definition");
    assert!(
        again
            .warnings
            .iter()
            .any(|warning| warning.contains("a shadow already"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_the_definition_fails_at() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 20).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh
        .append(
            "order-1",
            "OrderPlaced",
            &[json!({"customer": "c1", "cents": 1})],
        )
        .await;
    fresh.caught_up(&read_models, "totals").await;
    let fails = TOTALS.replace(
        "(data->>'cents')::bigint",
        "(1 / ((data->>'cents')::bigint - 1))",
    );
    read_models.put("totals", &fails, &order()).await.unwrap();
    let plan = read_models.plan_rebuild("totals").await.unwrap();
    assert!(plan.changed_definition);
    assert_eq!(plan.duration, None);
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.contains("division by zero")),
        "{plan:#?}"
    );
    // Nothing live has changed.
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
}
