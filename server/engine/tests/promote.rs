//! A promotion and a way back lose and double nothing, whatever is appended meanwhile.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use highwater_engine::ReadModels;
use highwater_model::{JobState, VersionRole};
use highwater_store::read_models::Order;
use serde_json::json;
use support::{EACH, Fresh, TOTALS, order, over, started};

async fn rebuilt(fresh: &Fresh, read_models: &ReadModels, name: &str) {
    let job = read_models
        .rebuild(name, &order(), &json!({}))
        .await
        .unwrap();
    let job = over(fresh, job).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_and_a_way_back_under_load_lose_and_double_nothing() {
    let fresh = Arc::new(Fresh::new().await);
    fresh.orders(0, 500).await;
    let read_models = fresh.read_models();
    // The first definition handles event by event: its handler names its schema.
    let each = EACH.replace("select count(*) from log;", "");
    started(&read_models, "totals", &each).await;
    fresh.caught_up(&read_models, "totals").await;
    read_models.put("totals", TOTALS, &order()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut more = tokio::task::JoinSet::new();
    more.spawn({
        let (fresh, stop) = (Arc::clone(&fresh), Arc::clone(&stop));
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let data = json!({"customer": format!("c{}", n % 10), "cents": n % 7});
                fresh
                    .append(
                        &format!("order-{}", n % 40),
                        "OrderPlaced",
                        &[data.clone(), data],
                    )
                    .await;
                n += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    // A reader sees the same table all the time, and its sums never go back.
    more.spawn({
        let (fresh, stop) = (Arc::clone(&fresh), Arc::clone(&stop));
        async move {
            let mut sql = fresh.sql().await;
            let mut last = 0_i64;
            while !stop.load(Ordering::Relaxed) {
                let now: i64 = sqlx::query_scalar("select sum(orders)::bigint from totals.totals")
                    .fetch_one(&mut sql)
                    .await
                    .unwrap();
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        }
    });
    rebuilt(&fresh, &read_models, "totals").await;
    let refused = read_models.promote("totals", &order()).await.unwrap_err();
    assert!(
        refused.to_string().contains("was not compared"),
        "{refused}"
    );
    read_models.diff("totals").await.unwrap();
    let without = Order::new("ada", None);
    let refused = read_models.promote("totals", &without).await.unwrap_err();
    assert!(refused.to_string().contains("say why"), "{refused}");
    let promoted = read_models.promote("totals", &order()).await.unwrap();
    let job = over(&fresh, promoted).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    assert!(
        job.outcome
            .unwrap()
            .starts_with("verified: it is live, it went on")
    );
    let read_model = fresh.store.read_model("totals").await.unwrap();
    let roles: Vec<VersionRole> = read_model.versions.iter().map(|v| v.role).collect();
    assert_eq!(roles, [VersionRole::Live, VersionRole::Previous]);
    assert_eq!(read_model.versions[0].definition, TOTALS);

    let back = read_models.go_back("totals", &order()).await.unwrap();
    let job = over(&fresh, back).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    let again = read_models.go_back("totals", &order()).await.unwrap();
    let job = over(&fresh, again).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = more.join_next().await {
        ended.unwrap();
    }
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);

    // And back to the one that handles event by event, which has handled each of them once.
    let back = read_models.go_back("totals", &order()).await.unwrap();
    over(&fresh, back).await;
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    let doubled: i64 =
        sqlx::query_scalar("select count(*) - count(distinct position) from totals.log")
            .fetch_one(&mut fresh.sql().await)
            .await
            .unwrap();
    assert_eq!(doubled, 0);
    let actions = fresh.store.actions(Some("totals"), None, 3).await.unwrap();
    assert_eq!(actions[0].action, "go_back");
    assert!(
        actions[0].outcome.starts_with("done: verified"),
        "{:?}",
        actions[0]
    );
    assert_eq!(actions[1].outcome, "begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_is_gone_and_a_second_promotion_drops_the_version_before() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 50).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    for _ in 0..2 {
        rebuilt(&fresh, &read_models, "totals").await;
        assert!(read_models.diff("totals").await.unwrap().identical);
        let job = read_models.promote("totals", &order()).await.unwrap();
        // Nothing is appended: it is verified all the same.
        let job = over(&fresh, job).await;
        assert_eq!(job.state, JobState::Done, "{job:#?}");
    }
    let refused = read_models
        .discard("totals", VersionRole::Live, &order())
        .await;
    assert!(refused.is_err());
    rebuilt(&fresh, &read_models, "totals").await;
    for role in [VersionRole::Shadow, VersionRole::Previous] {
        read_models.discard("totals", role, &order()).await.unwrap();
    }
    let refused = read_models.go_back("totals", &order()).await.unwrap_err();
    assert!(
        refused.to_string().contains("no previous version"),
        "{refused}"
    );
    let schemas: Vec<String> =
        sqlx::query_scalar("select nspname::text from pg_namespace where nspname like 'totals%'")
            .fetch_all(&mut fresh.sql().await)
            .await
            .unwrap();
    assert_eq!(schemas, ["totals"]);
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    fresh.orders(100, 10).await;
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_does_not_live_is_told_as_failed() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 50).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    rebuilt(&fresh, &read_models, "totals").await;
    read_models.diff("totals").await.unwrap();
    let job = read_models.promote("totals", &order()).await.unwrap();
    // Somebody stops it before anything was seen of it.
    read_models.pause("totals", &order()).await.unwrap();
    sqlx::query("update highwater.jobs set swapped_at = swapped_at - interval '1 minute'")
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let job = over(&fresh, job).await;
    assert_eq!(job.state, JobState::Failed, "{job:#?}");
    assert!(job.outcome.unwrap().contains("it is paused"));
}
