//! A job whose last word the database did not take is ended by the next attempt, and does not run for ever.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_engine::ReadModels;
use serde_json::json;
use support::{Fresh, TOTALS, order, over, started};

/// Breaks off the first two sessions that end a job, or exchange its versions. A sequence counts them: it goes back with no transaction.
const BREAKS_OFF: &str = "
    create sequence public.tries;
    create function public.break_off() returns trigger language plpgsql as $$
    begin
      if nextval('public.tries') <= 2 then
        perform pg_terminate_backend(pg_backend_pid());
        perform pg_sleep(5);
      end if;
      return new;
    end $$;
    create trigger break_off before update on highwater.jobs for each row
    when (old.state = 'running' and (new.state <> 'running' or new.swapped_at is distinct from old.swapped_at))
    execute function public.break_off()";

async fn break_off(fresh: &Fresh) {
    sqlx::raw_sql(BREAKS_OFF)
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
}

async fn live(fresh: &Fresh) -> ReadModels {
    fresh.orders(0, 20).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    read_models
}

async fn rebuild(read_models: &ReadModels) -> i64 {
    read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap()
}

/// Waits until a job is over: its state, its outcome, and the state of its version. Asks by a session of its own, as the store's break off.
async fn ended(fresh: &Fresh, job: i64) -> (String, String, String) {
    let mut sql = fresh.sql().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let (state, outcome, of_version): (String, Option<String>, String) = sqlx::query_as(
            "select j.state, j.outcome, p.state from highwater.jobs j join highwater.read_model_progress p using (version_id) where j.job_id = $1",
        )
        .bind(job)
        .fetch_one(&mut sql)
        .await
        .unwrap();
        if let Some(outcome) = outcome {
            let tries: i64 = sqlx::query_scalar("select last_value from public.tries")
                .fetch_one(&mut sql)
                .await
                .unwrap();
            assert!(tries > 2, "it was broken off twice, and tried again");
            return (state, outcome, of_version);
        }
        assert!(tokio::time::Instant::now() < deadline, "it runs for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_whose_end_the_database_did_not_take_is_done_all_the_same() {
    let fresh = Fresh::new().await;
    let read_models = live(&fresh).await;
    break_off(&fresh).await;
    let job = rebuild(&read_models).await;
    let (state, outcome, _) = ended(&fresh, job).await;
    assert_eq!(state, "done", "{outcome}");
    assert!(outcome.contains("level with the log"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_whose_failure_the_database_did_not_take_has_failed_and_its_shadow_is_faulted() {
    let fresh = Fresh::new().await;
    let read_models = live(&fresh).await;
    let refused = "create unique index one on totals ((customer is null));";
    let text = TOTALS.replace(
        "-- highwater: slice",
        &format!("{refused}\n-- highwater: slice"),
    );
    read_models.put("totals", &text, &order()).await.unwrap();
    break_off(&fresh).await;
    let job = rebuild(&read_models).await;
    let (state, outcome, of_shadow) = ended(&fresh, job).await;
    assert_eq!((&*state, &*of_shadow), ("failed", "faulted"), "{outcome}");
    assert!(outcome.contains("an index can't be made"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_whose_swap_the_database_did_not_take_is_gone_all_the_same() {
    let fresh = Fresh::new().await;
    let read_models = live(&fresh).await;
    let job = rebuild(&read_models).await;
    over(&fresh, job).await;
    read_models.diff("totals").await.unwrap();
    let job = read_models.promote("totals", &order()).await.unwrap();
    over(&fresh, job).await;
    break_off(&fresh).await;
    let job = read_models.go_back("totals", &order()).await.unwrap();
    let (state, outcome, _) = ended(&fresh, job).await;
    assert_eq!(state, "done", "{outcome}");
    assert!(outcome.starts_with("verified: it is live"), "{outcome}");
}
