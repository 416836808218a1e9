//! What a rebuild's load doesn't need is made after it: secondary indexes.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_engine::ReadModels;
use highwater_model::{JobState, ReadModelState, VersionRole};
use serde_json::json;
use support::{Fresh, TOTALS, order, over, rebuild_slowly, started};

async fn indexes(fresh: &Fresh) -> Vec<String> {
    sqlx::query_scalar(
        "select indexname::text from pg_indexes where schemaname = 'totals__shadow' order by 1",
    )
    .fetch_all(&mut fresh.sql().await)
    .await
    .unwrap()
}

/// Begins to rebuild with more indexes, and slowly.
async fn slowly(fresh: &Fresh, more: &str) -> (ReadModels, i64) {
    fresh.orders(0, 1_000).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.caught_up(&read_models, "totals").await;
    let text = TOTALS.replace(
        "-- highwater: slice",
        &format!("{more}\n-- highwater: slice"),
    );
    read_models.put("totals", &text, &order()).await.unwrap();
    let job = rebuild_slowly(&read_models, "totals", 500).await;
    (read_models, job)
}

async fn loads(fresh: &Fresh) {
    fresh
        .until("totals", |read_model| {
            read_model
                .versions
                .iter()
                .any(|version| version.role == VersionRole::Shadow && version.handled > 0)
        })
        .await;
}

/// Waits for the planner's statistics of the shadow, well before the database would make them by itself.
async fn statistics(fresh: &Fresh) {
    for _ in 0..100 {
        let columns: i64 = sqlx::query_scalar("select count(*) from pg_stats where schemaname = 'totals__shadow' and tablename = 'totals'")
            .fetch_one(&mut fresh.sql().await)
            .await
            .unwrap();
        if columns > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the shadow has no statistics after 5 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_not_there_during_the_load_and_is_there_before_it_is_level() {
    let fresh = Fresh::new().await;
    let more = "create index by_cents on totals (cents desc) where orders > 0;
        create unique index customers on totals (lower(customer));
        create table other (n int constraint other_n unique);";
    let (read_models, job) = slowly(&fresh, more).await;
    loads(&fresh).await;
    assert_eq!(indexes(&fresh).await, ["other_n", "totals_pkey"]);
    read_models.set_speed(job, None, &order()).await.unwrap();
    let job = over(&fresh, job).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    assert_eq!(job.numbers["indexes"], 2);
    assert!(job.numbers["index_seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(
        indexes(&fresh).await,
        ["by_cents", "customers", "other_n", "totals_pkey"]
    );
    let made: String = sqlx::query_scalar("select indexdef from pg_indexes where schemaname = 'totals__shadow' and indexname = 'by_cents'")
        .fetch_one(&mut fresh.sql().await)
        .await
        .unwrap();
    assert!(made.ends_with("(cents DESC) WHERE (orders > 0)"), "{made}");
    assert_eq!(fresh.totals("totals__shadow").await, fresh.fold().await);
    statistics(&fresh).await;
    // With them it is promoted, and goes on.
    read_models.diff("totals").await.unwrap();
    let job = read_models.promote("totals", &order()).await.unwrap();
    assert_eq!(over(&fresh, job).await.state, JobState::Done);
    fresh.orders(5_000, 10).await;
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_the_rows_do_not_allow_fails_the_job_with_a_sentence() {
    let fresh = Fresh::new().await;
    let more = "create unique index one on totals ((customer is null));";
    let (read_models, job) = slowly(&fresh, more).await;
    read_models.set_speed(job, None, &order()).await.unwrap();
    let job = over(&fresh, job).await;
    assert_eq!(job.state, JobState::Failed, "{job:#?}");
    let outcome = job.outcome.unwrap();
    assert!(
        outcome.starts_with("the rows are there, but an index can't be made (CREATE UNIQUE INDEX one ON totals__shadow.totals")
            && outcome.contains("could not create unique index \"one\": Key")
            && outcome.ends_with("the live one was not touched"),
        "{outcome}"
    );
    let read_model = fresh
        .until("totals", |read_model| {
            read_model.versions[1].state == ReadModelState::Faulted
        })
        .await;
    assert!(
        read_model.versions[1]
            .reason
            .as_ref()
            .unwrap()
            .contains("an index can't be made")
    );
    read_models
        .discard("totals", VersionRole::Shadow, &order())
        .await
        .unwrap();
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_the_handler_needs_stays() {
    let fresh = Fresh::new().await;
    fresh.orders(0, 300).await;
    let read_models = fresh.read_models();
    let text = TOTALS
        .replace("customer text primary key", "customer text not null")
        .replace(
            "-- highwater: slice",
            "create unique index arbiter on totals (customer); create index spare on totals (orders);\n-- highwater: slice",
        );
    started(&read_models, "totals", &text).await;
    fresh.caught_up(&read_models, "totals").await;
    let job = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    let job = over(&fresh, job).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    assert_eq!(job.numbers["indexes"], 1);
    assert_eq!(indexes(&fresh).await, ["arbiter", "spare"]);
    assert_eq!(fresh.totals("totals__shadow").await, fresh.fold().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_makes_its_indexes_can_be_cancelled_and_leaves_nothing() {
    let fresh = Fresh::new().await;
    let (read_models, job) = slowly(&fresh, "create index by_cents on totals (cents);").await;
    loads(&fresh).await;
    // One that takes a minute for each row.
    let made = "create function totals__shadow.slow(n bigint) returns bigint language plpgsql immutable as
                  'begin perform pg_sleep(60); return n; end';
                update highwater.read_model_versions set indexes_later = array['create index slow on totals__shadow.totals (totals__shadow.slow(cents))']
                where role = 'shadow'";
    sqlx::raw_sql(made)
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    read_models.set_speed(job, None, &order()).await.unwrap();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let makes: bool = sqlx::query_scalar("select exists (select from pg_stat_activity where application_name like 'highwater indexes%' and datname = current_database() and query like 'create index slow%')")
            .fetch_one(&mut fresh.sql().await)
            .await
            .unwrap();
        // Read after it, for it is said before they are made.
        let job = fresh.store.job(job).await.unwrap();
        if makes {
            assert_eq!(job.doing.as_deref(), Some("it makes its indexes"));
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{job:#?}");
    }
    read_models.cancel(job, &order()).await.unwrap();
    assert_eq!(
        fresh.store.job(job).await.unwrap().state,
        JobState::Cancelled
    );
    let left: i64 =
        sqlx::query_scalar("select count(*) from pg_namespace where nspname = 'totals__shadow'")
            .fetch_one(&mut fresh.sql().await)
            .await
            .unwrap();
    assert_eq!(left, 0);
}
