//! Under maintenance no checkpoint moves, and nothing that follows from it counts as a failure.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use highwater_engine::ReadModels;
use highwater_model::{JobState, Position, VersionRole};
use highwater_store::MaintenanceError;
use highwater_store::read_models::{Order, ReadModelError};
use serde_json::json;
use support::{EACH, Fresh, TOTALS, order, over, rebuild_slowly, started};

/// Each version and its checkpoint.
async fn checkpoints(fresh: &Fresh) -> Vec<(i64, Position)> {
    let samples = fresh.store.lag_samples(None).await.unwrap();
    let places = samples.iter();
    places
        .map(|sample| (sample.version_id, sample.checkpoint))
        .collect()
}

/// Listens to three more rounds of the sampler, with more appended before each: every checkpoint stays where it is.
async fn all_stand(fresh: &Fresh, read_models: &ReadModels) {
    let now = checkpoints(fresh).await;
    let mut lag = read_models.watch_lag();
    for round in 0..3 {
        fresh.orders(10_000 + round * 10, 10).await;
        lag.changed().await.unwrap();
        let seen: Vec<(i64, Position)> = lag
            .borrow_and_update()
            .iter()
            .map(|sample| (sample.version_id, sample.checkpoint))
            .collect();
        // What the first one tells may have been looked up before the order.
        assert!(round == 0 || seen == now, "{seen:?} after {now:?}");
    }
}

/// Waits until a handler waits for the lock that the test holds.
async fn is_in_flight(fresh: &Fresh) {
    let mut sql = fresh.sql().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from pg_locks where locktype = 'advisory' and objid = 4711 and objsubid = 1 and not granted
               and database = (select oid from pg_database where datname = current_database()))",
        )
        .fetch_one(&mut sql)
        .await
        .unwrap();
        if waits {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "no slice begins");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_takes_long_is_undone_before_it_is_answered_and_is_no_failure() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    let mut gate = fresh.sql().await;
    sqlx::query("select pg_advisory_lock(4711)")
        .execute(&mut gate)
        .await
        .unwrap();
    let text = format!("{TOTALS}; select pg_advisory_xact_lock_shared(4711) from events limit 1");
    started(&read_models, "totals", &text).await;
    fresh.orders(0, 20).await;
    is_in_flight(&fresh).await;
    let ordered = Instant::now();
    let on = read_models.begin_maintenance(&order()).await.unwrap();
    assert_eq!(on.told().as_deref(), Some("ada: a test"));
    // By itself it would have ended after 5 s, when it has waited long enough for its lock.
    assert!(ordered.elapsed() < Duration::from_secs(4), "{ordered:?}");
    sqlx::query("select pg_advisory_unlock(4711)")
        .execute(&mut gate)
        .await
        .unwrap();
    all_stand(&fresh, &read_models).await;
    let held = fresh.store.read_model("totals").await.unwrap();
    assert_eq!(held.checkpoint, Position::ZERO, "{held:#?}");
    assert!(held.state.is_running(), "{held:#?}");
    assert!(held.reason.unwrap().starts_with("maintenance since "));
    assert_eq!(held.trend, "waits for the end of maintenance");
    let failures = fresh
        .store
        .failures("totals", VersionRole::Live, None, 10)
        .await
        .unwrap();
    assert!(failures.is_empty(), "{failures:#?}");
    read_models.end_maintenance(&order()).await.unwrap();
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_it_is_answered_no_checkpoint_moves_whatever_is_appended() {
    let fresh = Arc::new(Fresh::new().await);
    fresh.orders(0, 1_000).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    let each = EACH.replace("select count(*) from log;", "");
    started(&read_models, "each", &each).await;
    fresh.caught_up(&read_models, "totals").await;
    let job = rebuild_slowly(&read_models, "totals", 300).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut appends = tokio::task::JoinSet::new();
    appends.spawn({
        let (fresh, stop) = (Arc::clone(&fresh), Arc::clone(&stop));
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let data = json!({"customer": format!("c{}", n % 10), "cents": n % 7});
                let stream = format!("order-{}", n % 40);
                fresh.append(&stream, "OrderPlaced", &[data]).await;
                n += 1;
            }
        }
    });
    for round in 0..6 {
        read_models.begin_maintenance(&order()).await.unwrap();
        let now = checkpoints(&fresh).await;
        assert_eq!(now.len(), 3, "two live ones and a shadow: {now:?}");
        let head = fresh.store.mark().await.unwrap().position;
        while fresh.store.mark().await.unwrap().position.0 < head.0 + 50 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(checkpoints(&fresh).await, now, "round {round}");
        read_models.end_maintenance(&order()).await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let then = checkpoints(&fresh).await;
            if then.iter().zip(&now).all(|(then, now)| then.1 > now.1) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "{then:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = appends.join_next().await {
        ended.unwrap();
    }
    // It may be level by now.
    let _ = read_models.set_speed(job, None, &order()).await;
    let job = over(&fresh, job).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    fresh.caught_up(&read_models, "totals").await;
    fresh.caught_up(&read_models, "each").await;
    let fold = fresh.fold().await;
    assert_eq!(fresh.totals("totals").await, fold);
    assert_eq!(fresh.totals("each").await, fold);
    assert!(read_models.diff("totals").await.unwrap().identical);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_live_shortly_before_is_looked_after_afterwards() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 50).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let built = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    assert_eq!(over(&fresh, built).await.state, JobState::Done);
    read_models.diff("totals").await.unwrap();
    let promoted = read_models.promote("totals", &order()).await.unwrap();
    read_models.begin_maintenance(&order()).await.unwrap();
    fresh.orders(50, 10).await;
    // Half a minute passes: by then it would have failed.
    sqlx::query("update highwater.jobs set swapped_at = clock_timestamp() - interval '40 seconds' where job_id = $1")
        .bind(promoted)
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    assert_eq!(fresh.store.verify_swaps().await.unwrap(), 0);
    let job = fresh.store.job(promoted).await.unwrap();
    assert_eq!(job.state, JobState::Running, "{job:#?}");
    assert_eq!(
        job.doing.as_deref(),
        Some("it goes on when maintenance ends")
    );
    let refused = read_models.go_back("totals", &order()).await;
    assert!(
        matches!(refused, Err(ReadModelError::UnderMaintenance { .. })),
        "{refused:?}"
    );
    read_models.end_maintenance(&order()).await.unwrap();
    let job = over(&fresh, promoted).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");

    // A way back that maintenance meets on its way goes on afterwards.
    let back = read_models.go_back("totals", &order()).await.unwrap();
    read_models.begin_maintenance(&order()).await.unwrap();
    all_stand(&fresh, &read_models).await;
    read_models.end_maintenance(&order()).await.unwrap();
    let job = over(&fresh, back).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_begun_once_with_a_reason_and_ended_once() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    let silent = read_models
        .begin_maintenance(&Order::new("ada", Some(" ")))
        .await;
    assert!(
        matches!(silent, Err(MaintenanceError::NoReason)),
        "{silent:?}"
    );
    let off = read_models.end_maintenance(&order()).await;
    assert!(matches!(off, Err(MaintenanceError::IsOff)), "{off:?}");
    let (by_ada, by_bob) = (order(), Order::new("bob", Some("as well")));
    let (one, other) = tokio::join!(
        read_models.begin_maintenance(&by_ada),
        fresh.store.begin_maintenance(&by_bob)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let late = one.err().or(other.err()).unwrap();
    assert!(late.to_string().contains("is on already, since"), "{late}");
    read_models.end_maintenance(&order()).await.unwrap();
    assert_eq!(fresh.store.maintenance().await.unwrap(), None);
    fresh.tasks.shutdown().await;
}
