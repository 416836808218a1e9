//! Lag in its three units, in words, and over time.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_model::{Position, ReadModelState};
use serde_json::json;
use sqlx::Row;
use support::{Fresh, TOTALS, order, started};

#[tokio::test(flavor = "multi_thread")]
async fn lag_is_told_in_positions_matching_events_and_seconds() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.orders(0, 10).await;
    fresh.caught_up(&read_models, "totals").await;
    let live = fresh
        .until("totals", |read_model| {
            read_model.state == ReadModelState::Live && read_model.lag.positions == 0
        })
        .await;
    assert_eq!((live.lag.matching, live.lag.capped), (0, false));
    assert!(live.lag.seconds.abs() < 1e-9);
    assert_eq!(live.trend, "live");

    read_models.pause("totals", &order()).await.unwrap();
    let noted = fresh
        .append("order-1", "OrderNoted", &vec![json!({}); 3])
        .await;
    let placed = fresh
        .append(
            "order-1",
            "OrderPlaced",
            &vec![json!({"customer": "c1", "cents": 1}); 5],
        )
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let last = fresh.append("order-1", "OrderNoted", &[json!({})]).await;
    let behind = fresh.store.read_model("totals").await.unwrap();
    assert_eq!(
        (behind.lag.positions, behind.lag.matching, behind.lag.capped),
        (9, 5, false)
    );
    assert!(
        behind.lag.seconds > 0.25 && behind.lag.seconds < 20.0,
        "{:?}",
        behind.lag
    );
    assert_eq!(behind.trend, "paused");

    // What concerns it not counts as handled.
    let is = async |position| {
        read_models
            .handled("totals", position)
            .await
            .unwrap()
            .handled
    };
    assert!(is(noted).await);
    assert!(is(Position(noted.0 - 2)).await);
    assert!(!is(Position(noted.0 + 1)).await);
    assert!(!is(placed).await);
    assert!(!is(last).await);
    assert!(!is(Position(last.0 + 1)).await);
    let waited = read_models
        .wait_until_handled("totals", placed, Duration::from_millis(100))
        .await
        .unwrap();
    assert!(!waited.handled);
    read_models.resume("totals", &order()).await.unwrap();
    let waited = read_models
        .wait_until_handled("totals", last, Duration::from_secs(10))
        .await
        .unwrap();
    assert!(waited.handled);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matching_events_are_exact_up_to_their_cap() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    read_models.pause("totals", &order()).await.unwrap();
    let placed = json!({"customer": "c1", "cents": 1});
    for n in 0..10 {
        fresh
            .append(
                &format!("order-{n}"),
                "OrderPlaced",
                &vec![placed.clone(); 1_000],
            )
            .await;
        fresh
            .append(&format!("order-{n}"), "OrderNoted", &vec![json!({}); 700])
            .await;
    }
    let exact = fresh.store.read_model("totals").await.unwrap().lag;
    assert_eq!(
        (exact.positions, exact.matching, exact.capped),
        (17_000, 10_000, false)
    );
    fresh.append("order-1", "OrderPlaced", &[placed]).await;
    let capped = fresh.store.read_model("totals").await.unwrap().lag;
    assert_eq!(
        (capped.positions, capped.matching, capped.capped),
        (17_001, 10_000, true)
    );
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_kept_in_three_steps_and_pruned() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    let version = fresh.store.read_model("totals").await.unwrap().versions[0].id;
    let samples = fresh.store.lag_samples(None).await.unwrap();
    let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for second in 0..125_i64 {
        let mut samples = samples.clone();
        samples[0].lag.positions = second % 10;
        let at = start
            .checked_add(jiff::SignedDuration::from_secs(second))
            .unwrap();
        fresh.store.keep_lag(at, &samples).await.unwrap();
    }
    let of = async |step| fresh.store.lag_history(version, start, step).await.unwrap();
    let steps = (
        of(1).await.len() >= 125,
        of(10).await.len() >= 12,
        !of(60).await.is_empty(),
    );
    assert_eq!(steps, (true, true, true));
    assert_eq!(of(10).await[0].lag.positions, 9);
    assert_eq!(of(10).await[0].at, start);
    fresh.store.prune_lag().await.unwrap();
    let old = sqlx::query("select step, count(*) from highwater.lag_history where at < now() - interval '2 days' group by step")
        .fetch_all(&mut fresh.sql().await)
        .await
        .unwrap();
    assert!(old.iter().all(|row| row.get::<i32, _>(0) == 60));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_is_sampled() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    let mut lag = read_models.watch_lag();
    let since = fresh.store.clock().now();
    for n in 0..8 {
        fresh.orders(n * 20, 20).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(lag.has_changed().unwrap());
    assert_eq!(lag.borrow_and_update().len(), 1);
    let version = fresh.store.read_model("totals").await.unwrap().versions[0].id;
    let since = since
        .checked_sub(jiff::SignedDuration::from_secs(2))
        .unwrap();
    let history = fresh.store.lag_history(version, since, 1).await.unwrap();
    assert!(history.len() >= 2, "{history:?}");
    assert!(history.last().unwrap().handled > 0);
    fresh.tasks.shutdown().await;
}
