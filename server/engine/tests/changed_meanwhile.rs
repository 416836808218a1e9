//! A definition that changes while the one before is rebuilt waits for its turn; the rebuild goes on with what it began with.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_engine::ReadModels;
use highwater_model::{JobState, VersionRole};
use highwater_store::read_models::Defined;
use serde_json::json;
use support::{Fresh, TOTALS, order, over, rebuild_slowly, started};

/// Counts nothing that was cancelled.
fn placed() -> String {
    TOTALS.replace(
        "when 'OrderPlaced' then 1 else -1",
        "when 'OrderPlaced' then 1 else 0",
    )
}

/// Counts all of it.
fn all() -> String {
    TOTALS.replace(
        "when 'OrderPlaced' then 1 else -1",
        "when 'OrderPlaced' then 1 else 1",
    )
}

/// The rebuild of the second definition runs when the third comes.
async fn changed(fresh: &Fresh) -> (ReadModels, i64) {
    fresh.orders(0, 1_000).await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", &all()).await;
    fresh.caught_up(&read_models, "totals").await;
    read_models.put("totals", TOTALS, &order()).await.unwrap();
    let job = rebuild_slowly(&read_models, "totals", 500).await;
    let defined = read_models
        .put("totals", &placed(), &order())
        .await
        .unwrap();
    assert!(matches!(defined, Defined::Waiting { .. }), "{defined:?}");
    assert_eq!(fresh.store.job(job).await.unwrap().state, JobState::Running);
    (read_models, job)
}

/// Roles and texts.
async fn versions(fresh: &Fresh) -> Vec<(VersionRole, String)> {
    let read_model = fresh.store.read_model("totals").await.unwrap();
    read_model
        .versions
        .into_iter()
        .map(|version| (version.role, version.definition))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_ends_with_the_definition_that_it_began_with_and_the_newest_waits() {
    let fresh = Fresh::new().await;
    let (read_models, job) = changed(&fresh).await;
    // The same once more is no other version; nor is the one that is being built.
    read_models
        .put("totals", &placed(), &order())
        .await
        .unwrap();
    read_models.put("totals", TOTALS, &order()).await.unwrap();
    read_models.set_speed(job, None, &order()).await.unwrap();
    assert_eq!(over(&fresh, job).await.state, JobState::Done);
    let (live, shadow, waiting) = (VersionRole::Live, VersionRole::Shadow, VersionRole::Waiting);
    let expected = [
        (live, all()),
        (shadow, TOTALS.to_owned()),
        (waiting, placed()),
    ];
    assert_eq!(versions(&fresh).await, expected);
    assert_eq!(fresh.totals("totals__shadow").await, fresh.fold().await);
    let untouched = fresh.totals("totals").await;
    assert_ne!(untouched, fresh.fold().await);

    read_models.diff("totals").await.unwrap();
    let job = read_models.promote("totals", &order()).await.unwrap();
    assert_eq!(over(&fresh, job).await.state, JobState::Done);
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    assert!(versions(&fresh).await.contains(&(waiting, placed())));
    let job = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    assert_eq!(over(&fresh, job).await.state, JobState::Done);
    assert!(versions(&fresh).await.contains(&(shadow, placed())));
    assert_ne!(fresh.totals("totals__shadow").await, fresh.fold().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_rebuild_does_not_displace_the_definition_that_came_meanwhile() {
    let fresh = Fresh::new().await;
    let (read_models, job) = changed(&fresh).await;
    read_models.cancel(job, &order()).await.unwrap();
    let expected = [(VersionRole::Live, all()), (VersionRole::Waiting, placed())];
    assert_eq!(versions(&fresh).await, expected);
}
