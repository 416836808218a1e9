//! A rebuild makes beside the live read model what a fold of the log is, and leaves the live one alone.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_engine::ReadModels;
use highwater_model::{JobState, Position, ReadModel, VersionRole};
use serde_json::json;
use support::{Fresh, TOTALS, order, over, rebuild_slowly, started};

/// Its first version forgets that a cancelled order is no revenue.
fn wrong() -> String {
    TOTALS.replace(
        "else -1 end * (data->>'cents')::bigint",
        "else 0 end * (data->>'cents')::bigint",
    )
}

/// Waits until the shadow has handled everything.
async fn shadow_caught_up(fresh: &Fresh, name: &str) {
    let head = fresh.store.mark().await.unwrap().position;
    fresh
        .until(name, |read_model| {
            read_model
                .versions
                .iter()
                .any(|version| version.role == VersionRole::Shadow && version.checkpoint >= head)
        })
        .await;
}

async fn live_and_wrong(fresh: &Fresh, orders: usize) -> ReadModels {
    fresh.orders(0, orders).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", &wrong()).await;
    fresh.caught_up(&read_models, "totals").await;
    read_models
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_equals_a_fold_while_appends_go_on_and_the_live_rows_stay() {
    let fresh = Fresh::new().await;
    let read_models = live_and_wrong(&fresh, 3_000).await;
    let live = fresh.totals("totals").await;
    assert_ne!(live, fresh.fold().await);
    read_models.put("totals", TOTALS, &order()).await.unwrap();
    read_models.pause("totals", &order()).await.unwrap();
    let job = read_models
        .rebuild("totals", &order(), &json!({"matching": 1}))
        .await
        .unwrap();
    let refused = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("a job runs for totals already"),
        "{refused}"
    );
    for n in 0..5 {
        fresh.orders(10_000 + n * 100, 100).await;
    }
    let job = over(&fresh, job).await;
    assert_eq!(job.state, JobState::Done, "{job:#?}");
    assert!(job.done >= 6_000 && job.total == job.done, "{job:#?}");
    fresh.orders(20_000, 50).await;
    shadow_caught_up(&fresh, "totals").await;
    assert_eq!(fresh.totals("totals__shadow").await, fresh.fold().await);
    assert_eq!(fresh.totals("totals").await, live);
    let refused = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("has a shadow already"),
        "{refused}"
    );
    let actions = fresh.store.actions(Some("totals"), None, 10).await.unwrap();
    let told: Vec<(&str, &str)> = actions
        .iter()
        .filter(|action| action.action == "rebuild")
        .map(|action| {
            (
                action.actor.as_str(),
                action.outcome.split(':').next().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("ada", "done"), ("ada", "begun")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_goes_on_after_kills_and_in_another_server() {
    let fresh = Fresh::new().await;
    let read_models = live_and_wrong(&fresh, 2_000).await;
    let job = rebuild_slowly(&read_models, "totals", 500).await;
    let mut sql = fresh.sql().await;
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'highwater read models'",
        )
        .execute(&mut sql)
        .await
        .unwrap();
    }
    let middle = fresh.store.job(job).await.unwrap();
    assert_eq!(middle.state, JobState::Running);
    assert!(middle.total == middle.done || middle.total > 4_000);
    fresh.tasks.shutdown().await;
    let shadow = |read_model: &ReadModel| read_model.versions[1].clone();
    let left = shadow(&fresh.store.read_model("totals").await.unwrap());
    assert!(
        left.checkpoint > Position::ZERO && left.handled > 0,
        "{left:#?}"
    );

    let other = Fresh::at(fresh.url.clone()).await;
    let read_models = other.read_models();
    read_models.set_speed(job, None, &order()).await.unwrap();
    let done = over(&other, job).await;
    assert_eq!(done.state, JobState::Done, "{done:#?}");
    shadow_caught_up(&other, "totals").await;
    // From where it stood: nothing was handled again.
    let read_model = other.store.read_model("totals").await.unwrap();
    assert_eq!(shadow(&read_model).handled, read_model.versions[0].handled);
    // The live definition again, so the same rows.
    assert_eq!(
        other.totals("totals__shadow").await,
        other.totals("totals").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_rebuild_leaves_nothing_behind_and_its_definition_waits_again() {
    let fresh = Fresh::new().await;
    let read_models = live_and_wrong(&fresh, 2_000).await;
    let mut sql = fresh.sql().await;
    let left = "select (select count(*) from pg_namespace where nspname like 'totals%'), (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname like 'totals%'),
       (select count(*) from pg_shdepend d join pg_roles r on r.oid = d.refobjid where r.rolname like 'hw\\_%\\_totals' and d.dbid = (select oid from pg_database where datname = current_database())),
       (select count(*) from highwater.read_model_progress)";
    let before: (i64, i64, i64, i64) = sqlx::query_as(left).fetch_one(&mut sql).await.unwrap();
    read_models.put("totals", TOTALS, &order()).await.unwrap();
    for pause in [0, 150, 600] {
        let job = rebuild_slowly(&read_models, "totals", 1_000).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        read_models.cancel(job, &order()).await.unwrap();
        let job = fresh.store.job(job).await.unwrap();
        assert_eq!(job.state, JobState::Cancelled);
        assert_eq!(job.version_id, None);
        let again = read_models.cancel(job.id, &order()).await.unwrap_err();
        assert!(again.to_string().contains("cancelled any more"), "{again}");
    }
    let read_model = fresh.store.read_model("totals").await.unwrap();
    let roles: Vec<VersionRole> = read_model.versions.iter().map(|v| v.role).collect();
    assert_eq!(roles, [VersionRole::Live, VersionRole::Waiting]);
    let after: (i64, i64, i64, i64) = sqlx::query_as(left).fetch_one(&mut sql).await.unwrap();
    assert_eq!((before.0, before.1, before.2), (after.0, after.1, after.2));
    assert_eq!(after.3, before.3 + 1, "the version that waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_names_the_live_schema_is_not_rebuilt() {
    let fresh = Fresh::new().await;
    let read_models = live_and_wrong(&fresh, 50).await;
    let live = fresh.totals("totals").await;
    let text = TOTALS.replace("insert into totals", "insert into totals.totals");
    read_models.put("totals", &text, &order()).await.unwrap();
    let refused = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("permission denied for schema totals"),
        "{refused}"
    );
    assert_eq!(fresh.totals("totals").await, live);
    fresh.orders(500, 10).await;
    fresh.caught_up(&read_models, "totals").await;
}
