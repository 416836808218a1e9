//! There is no point between the handling of a slice and its checkpoint at which a kill would be seen in the rows.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use support::{EACH, Fresh, TOTALS, order, over, rebuild_slowly, started};

/// Ends one session that stands at this point, as soon as there is one. False: there was none for seconds.
async fn kill(fresh: &Fresh, at: &str) -> bool {
    let sql = format!(
        "do $$
         declare killed bool;
         begin
           for attempt in 1..20000 loop
             perform pg_stat_clear_snapshot();
             select pg_terminate_backend(pid) into killed from pg_stat_activity
             where datname = current_database() and application_name = 'highwater read models' and {at} limit 1;
             exit when killed;
             perform pg_sleep(0.0002);
           end loop;
           if killed is not true then raise exception 'nobody is there'; end if;
         end $$"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut fresh.sql().await)
        .await
        .is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_killed_between_handling_and_checkpoint_loses_and_doubles_nothing() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    // The rows are written; then the handler takes its time, now more, now less.
    let set = format!("{TOTALS}; select pg_sleep(random() * 0.02) from events limit 1");
    let each = EACH.replace(
        "select count(*) from log;",
        "select pg_sleep(random() * 0.002);",
    );
    started(&read_models, "totals", &set).await;
    started(&read_models, "each", &each).await;
    let mut killed = [0; 3];
    for round in 0..18 {
        fresh.orders(round * 20, 20).await;
        // In the handler; when it is done and nothing is committed; anywhere in a slice.
        let points = [
            "state = 'active' and query like '%handle()%'",
            "state = 'idle in transaction' and query like '%handle()%'",
            "xact_start is not null",
        ];
        killed[round % 3] += i32::from(kill(&fresh, points[round % 3]).await);
    }
    assert!(killed.iter().all(|times| *times > 0), "{killed:?}");
    fresh.caught_up(&read_models, "totals").await;
    fresh.caught_up(&read_models, "each").await;
    let fold = fresh.fold().await;
    assert_eq!(fresh.totals("totals").await, fold);
    assert_eq!(fresh.totals("each").await, fold);
    let doubled: i64 =
        sqlx::query_scalar("select count(*) - count(distinct position) from each.log")
            .fetch_one(&mut fresh.sql().await)
            .await
            .unwrap();
    assert_eq!(doubled, 0);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_killed_between_handling_and_checkpoint_handles_each_event_once() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 400).await;
    let read_models = fresh.read_models();
    let set = format!("{TOTALS}; select pg_sleep(random() * 0.02) from events limit 1");
    started(&read_models, "totals", &set).await;
    fresh.caught_up(&read_models, "totals").await;
    let job = rebuild_slowly(&read_models, "totals", 200).await;
    let mut killed = 0;
    for _ in 0..5 {
        killed += i32::from(
            kill(
                &fresh,
                "state = 'active' and query like '%__shadow%handle()%'",
            )
            .await,
        );
    }
    assert!(killed > 0);
    read_models.set_speed(job, None, &order()).await.unwrap();
    let job = over(&fresh, job).await;
    let matching: i64 = sqlx::query_scalar(
        "select count(*) from highwater.events e join highwater.event_types t using (type_id) where t.name in ('OrderPlaced', 'OrderCancelled')",
    )
    .fetch_one(&mut fresh.sql().await)
    .await
    .unwrap();
    assert_eq!(job.done, matching, "{job:#?}");
    assert_eq!(fresh.totals("totals__shadow").await, fresh.fold().await);
}
