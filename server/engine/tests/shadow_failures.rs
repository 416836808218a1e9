//! A rebuild that meets an event it can't handle stands there, until somebody decides: its job goes on, or is cancelled.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_engine::ReadModels;
use highwater_model::{
    FailureOutcome, JobState, Position, ReadModelState, ReadModelVersion, VersionRole,
};
use serde_json::json;
use support::{Fresh, TOTALS, order, over, started};

/// A second definition fails at one event that the live one has handled; answers its position.
async fn fails_at_one(fresh: &Fresh, read_models: &ReadModels) -> Position {
    fresh.orders(0, 100).await;
    let cents = json!({"customer": "c1", "cents": 13});
    let bad = fresh.append("order-1", "OrderPlaced", &[cents]).await;
    fresh.orders(1_000, 100).await;
    started(read_models, "totals", TOTALS).await;
    fresh.caught_up(read_models, "totals").await;
    let fails = TOTALS.replace(
        "(data->>'cents')::bigint)",
        "(data->>'cents')::bigint * (1 / ((data->>'cents')::bigint - 13) * 0 + 1))",
    );
    assert_ne!(fails, TOTALS);
    read_models.put("totals", &fails, &order()).await.unwrap();
    bad
}

/// Waits until the shadow stands on a failed event.
async fn stands(fresh: &Fresh) -> ReadModelVersion {
    let is = |version: &ReadModelVersion| {
        version.role == VersionRole::Shadow && version.state == ReadModelState::Faulted
    };
    let read_model = fresh
        .until("totals", |read_model| read_model.versions.iter().any(is))
        .await;
    read_model.versions.into_iter().find(is).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_stands_on_an_event_goes_on_when_that_is_skipped() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    let bad = fails_at_one(&fresh, &read_models).await;
    let live = fresh.totals("totals").await;
    let job = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    let shadow = stands(&fresh).await;
    assert_eq!(shadow.checkpoint, Position(bad.0 - 1));
    let running = fresh.store.job(job).await.unwrap();
    assert_eq!((running.state, running.eta), (JobState::Running, None));
    assert_eq!(
        running.doing.unwrap(),
        format!("event {bad} failed: division by zero")
    );

    let (on_live, on_shadow) = (VersionRole::Live, VersionRole::Shadow);
    let refused = read_models.skip("totals", on_live, bad, &order()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("on no failed event"), "{refused}");
    read_models
        .retry("totals", on_shadow, bad, &order())
        .await
        .unwrap();
    let twice = async {
        loop {
            let found = fresh.store.failures("totals", on_shadow, None, 10).await;
            match found.unwrap().first() {
                Some(failure) if failure.attempts > 1 => return failure.clone(),
                _ => tokio::task::yield_now().await,
            }
        }
    };
    assert_eq!(twice.await.position, bad);
    stands(&fresh).await;
    read_models
        .skip("totals", on_shadow, bad, &order())
        .await
        .unwrap();
    let done = over(&fresh, job).await;
    assert_eq!(done.state, JobState::Done, "{done:#?}");

    let mut expected = fresh.fold().await;
    let total = expected.get_mut("c1").unwrap();
    *total = (total.0 - 1, total.1 - 13);
    assert_eq!(fresh.totals("totals__shadow").await, expected);
    assert_eq!(fresh.totals("totals").await, live);
    let of_live = fresh.store.failures("totals", on_live, None, 10).await;
    assert!(of_live.unwrap().is_empty());
    let of_shadow = fresh.store.failures("totals", on_shadow, None, 10).await;
    assert_eq!(of_shadow.unwrap()[0].outcome, FailureOutcome::Skipped);
    let actions = fresh.store.actions(Some("totals"), None, 10).await.unwrap();
    let skip = actions
        .iter()
        .find(|action| action.action == "skip")
        .unwrap();
    assert_eq!(skip.after["role"], "shadow");
    assert_eq!(skip.after["version"], shadow.id);
    assert_eq!(skip.after["checkpoint"], bad.0);
    let refused = read_models
        .retry("totals", VersionRole::Previous, bad, &order())
        .await;
    assert!(refused.unwrap_err().to_string().contains("previous"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_stands_on_an_event_can_be_cancelled_and_survives_its_server() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    let bad = fails_at_one(&fresh, &read_models).await;
    let job = read_models
        .rebuild("totals", &order(), &json!({}))
        .await
        .unwrap();
    stands(&fresh).await;
    fresh.tasks.shutdown().await;
    let other = Fresh::at(fresh.url.clone()).await;
    let read_models = other.read_models();
    // Taken over, it stands where it stood.
    let shadow = other
        .until("totals", |read_model| {
            read_model
                .versions
                .iter()
                .any(|version| version.role == VersionRole::Shadow && version.generation > 1)
        })
        .await;
    let shadow = &shadow.versions[1];
    assert_eq!(shadow.state, ReadModelState::Faulted, "{shadow:#?}");
    assert_eq!(other.store.job(job).await.unwrap().state, JobState::Running);
    read_models.cancel(job, &order()).await.unwrap();
    let cancelled = other.store.job(job).await.unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
    let gone = read_models
        .skip("totals", VersionRole::Shadow, bad, &order())
        .await
        .unwrap_err();
    assert!(gone.to_string().contains("has no shadow"), "{gone}");
    other.caught_up(&read_models, "totals").await;
    assert_eq!(other.totals("totals").await, other.fold().await);
}
