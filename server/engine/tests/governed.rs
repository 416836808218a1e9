//! A rebuild yields when it hurts what is live, says so, and recovers.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_model::{Job, JobState};
use serde_json::json;
use support::{EACH, Fresh, TOTALS, order, started};

async fn until(fresh: &Fresh, job: i64, is: impl Fn(&Job) -> bool) -> Job {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    loop {
        let job = fresh.store.job(job).await.unwrap();
        if is(&job) {
            return job;
        }
        assert!(tokio::time::Instant::now() < deadline, "{job:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_yields_while_the_live_one_is_behind_and_says_so() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 3_000).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    // It takes its time for each event.
    let slow = EACH.replace("select count(*) from log;", "select pg_sleep(0.01);");
    read_models.put("totals", &slow, &order()).await.unwrap();
    let job = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    until(&fresh, job, |job| job.done > 0).await;
    // Somebody holds the live table: the live version can't go on.
    let mut holder = fresh.sql().await;
    sqlx::raw_sql("begin; lock table totals.totals")
        .execute(&mut holder)
        .await
        .unwrap();
    fresh.orders(9_000, 1).await;
    let yields = until(&fresh, job, |job| {
        job.doing.as_deref() == Some("it yields: the live read model is behind")
    })
    .await;
    assert_eq!(yields.state, JobState::Running);
    let seconds = |job: &Job| job.numbers["yielded_seconds"].as_f64().unwrap_or(0.0);
    until(&fresh, job, |job| seconds(job) > 0.0).await;
    sqlx::raw_sql("rollback")
        .execute(&mut holder)
        .await
        .unwrap();
    fresh.caught_up(&read_models, "totals").await;
    let recovered = until(&fresh, job, |job| job.doing.is_none()).await;
    assert_eq!(recovered.state, JobState::Running);
    until(&fresh, job, |job| job.done > recovered.done + 200).await;
    read_models.cancel(job, &order()).await.unwrap();
}
