//! An event that can't be handled is found, kept, and decided on; everything before it is kept, nothing behind it is touched.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_engine::{ReadModelOptions, ReadModels};
use highwater_model::{FailureOutcome, Position, ReadModelState, VersionRole};
use highwater_store::read_models::{Order, ReadModelError};
use serde_json::json;
use support::{EACH, Fresh, TOTALS, order, started};

/// 10,000 orders, one of which has no number.
async fn poisoned(fresh: &Fresh) -> Position {
    let mut bad = Position::ZERO;
    for stream in 0..10 {
        let mut datas = vec![json!({"customer": format!("c{stream}"), "cents": 1}); 1_000];
        if stream == 5 {
            datas[321] = json!({"customer": "c5", "cents": "many"});
        }
        let last = fresh
            .append(&format!("order-{stream}"), "OrderPlaced", &datas)
            .await;
        if stream == 5 {
            bad = Position(last.0 - 1_000 + 322);
        }
    }
    bad
}

fn refused(outcome: Result<(), ReadModelError>) -> String {
    match outcome.unwrap_err() {
        ReadModelError::Refused(sentence) => sentence,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one event's story")]
async fn a_poison_event_among_ten_thousand_is_found_retried_and_skipped() {
    let fresh = Fresh::new().await;
    let (bad, live) = (poisoned(&fresh).await, VersionRole::Live);
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    let faulted = fresh
        .until("totals", |read_model| {
            read_model.state == ReadModelState::Faulted
        })
        .await;
    assert_eq!(faulted.checkpoint, Position(bad.0 - 1));
    let failure = faulted.stands_on.unwrap();
    assert_eq!((failure.position, failure.attempts), (bad, 1));
    assert_eq!(failure.sqlstate.as_deref(), Some("22P02"));
    assert_eq!(
        faulted.reason.unwrap(),
        format!("event {bad} failed: invalid input syntax for type bigint: \"many\"")
    );
    assert!(
        faulted.trend.starts_with(&format!("stalled at {bad} for ")),
        "{}",
        faulted.trend
    );
    let totals = fresh.totals("totals").await;
    assert_eq!(totals["c4"], (1_000, 1_000));
    assert_eq!(totals["c5"], (321, 321));
    assert!(!totals.contains_key("c6"));

    read_models
        .retry("totals", live, bad, &order())
        .await
        .unwrap();
    let again = fresh
        .until("totals", |read_model| {
            read_model.state == ReadModelState::Faulted
                && read_model
                    .stands_on
                    .as_ref()
                    .is_some_and(|failure| failure.attempts == 2)
        })
        .await;
    assert_eq!(again.checkpoint, Position(bad.0 - 1));
    assert!(
        refused(read_models.resume("totals", &order()).await)
            .contains("retry that event or skip it")
    );
    assert!(
        refused(
            read_models
                .skip("totals", live, bad, &Order::new("ada", None))
                .await
        )
        .contains("say why")
    );
    assert!(
        refused(
            read_models
                .skip("totals", live, Position(7), &order())
                .await
        )
        .contains("does not stand on event 7")
    );

    read_models
        .skip("totals", live, bad, &order())
        .await
        .unwrap();
    fresh.caught_up(&read_models, "totals").await;
    let totals = fresh.totals("totals").await;
    assert_eq!((totals["c5"], totals["c9"]), ((999, 999), (1_000, 1_000)));
    let failures = fresh
        .store
        .failures("totals", live, None, 10)
        .await
        .unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].outcome, FailureOutcome::Skipped);
    // The second operator is told what happened.
    assert!(
        refused(read_models.skip("totals", live, bad, &order()).await)
            .contains("on no failed event")
    );

    let actions = fresh.store.actions(Some("totals"), None, 10).await.unwrap();
    let told: Vec<(&str, &str, &str)> = actions
        .iter()
        .map(|action| {
            (
                action.action.as_str(),
                action.actor.as_str(),
                action.outcome.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("skip", "ada", "done"),
            ("retry", "ada", "done"),
            ("define", "ada", "done")
        ]
    );
    assert_eq!(actions[0].before["state"], "faulted");
    assert_eq!(actions[0].before["checkpoint"], bad.0 - 1);
    assert_eq!(actions[0].after["checkpoint"], bad.0);
    let changed = sqlx::query("update highwater.actions set actor = 'nobody'")
        .execute(&mut fresh.sql().await)
        .await;
    assert!(changed.unwrap_err().to_string().contains("append-only"));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_skip_leaves_out_what_fails_on_record() {
    let fresh = Fresh::new().await;
    let bad = poisoned(&fresh).await;
    let read_models = fresh.read_models();
    let text = format!("-- highwater: policy skip\n{EACH}");
    started(&read_models, "each", &text).await;
    fresh.caught_up(&read_models, "each").await;
    assert_eq!(fresh.totals("each").await["c5"], (999, 999));
    let failures = fresh
        .store
        .failures("each", VersionRole::Live, None, 10)
        .await
        .unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(
        (failures[0].position, failures[0].outcome),
        (bad, FailureOutcome::Skipped)
    );
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_retry_goes_on_when_the_event_can_be_handled() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    let text = TOTALS.replace(
        "cents bigint not null",
        "cents bigint not null constraint small check (cents < 300)",
    );
    started(
        &read_models,
        "totals",
        &format!("-- highwater: policy retry\n{text}"),
    )
    .await;
    let placed = json!({"customer": "c1", "cents": 200});
    fresh
        .append("order-1", "OrderPlaced", std::slice::from_ref(&placed))
        .await;
    fresh.append("order-1", "OrderPlaced", &[placed]).await;
    let trying = fresh
        .until("totals", |read_model| {
            read_model.stands_on.is_some() && read_model.reason.is_some()
        })
        .await;
    assert!(trying.reason.unwrap().contains("attempt"));
    assert_ne!(trying.state, ReadModelState::Faulted);
    sqlx::query("alter table totals.totals drop constraint small")
        .execute(&mut fresh.sql().await)
        .await
        .unwrap();
    fresh.caught_up(&read_models, "totals").await;
    let live = fresh
        .until("totals", |read_model| {
            read_model.state == ReadModelState::Live && read_model.reason.is_none()
        })
        .await;
    assert!(live.stands_on.is_none());
    assert_eq!(fresh.totals("totals").await["c1"], (2, 400));
    let failures = fresh
        .store
        .failures("totals", VersionRole::Live, None, 10)
        .await
        .unwrap();
    assert_eq!(failures[0].outcome, FailureOutcome::Handled);
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_ends_is_stopped() {
    let fresh = Fresh::new().await;
    let options = ReadModelOptions {
        slice_timeout: Duration::from_millis(500),
        ..ReadModelOptions::default()
    };
    let read_models = ReadModels::start(fresh.store.clone(), &fresh.tasks, options);
    let text = format!(
        "{TOTALS}; select count(*) from events, generate_series(1, 1000000000000) where data->>'customer' = 'c2'"
    );
    let good = fresh
        .append(
            "order-1",
            "OrderPlaced",
            &[json!({"customer": "c1", "cents": 1})],
        )
        .await;
    started(&read_models, "totals", &text).await;
    let bad = fresh
        .append(
            "order-1",
            "OrderPlaced",
            &[json!({"customer": "c2", "cents": 1})],
        )
        .await;
    let faulted = fresh
        .until("totals", |read_model| {
            read_model.state == ReadModelState::Faulted
        })
        .await;
    assert_eq!(faulted.checkpoint, good);
    let failure = faulted.stands_on.unwrap();
    assert_eq!(
        (failure.position, failure.sqlstate.as_deref()),
        (bad, Some("57014"))
    );
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_handled_while_paused() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.orders(0, 20).await;
    fresh.caught_up(&read_models, "totals").await;
    let before = fresh.totals("totals").await;
    read_models.pause("totals", &order()).await.unwrap();
    assert!(
        refused(read_models.pause("totals", &Order::new("bob", None)).await)
            .contains("by ada: a test")
    );
    fresh.orders(20, 20).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let paused = fresh.until("totals", |_| true).await;
    assert_eq!(paused.state, ReadModelState::Paused);
    assert_eq!(fresh.totals("totals").await, before);
    read_models.resume("totals", &order()).await.unwrap();
    fresh.caught_up(&read_models, "totals").await;
    assert_eq!(fresh.totals("totals").await, fresh.fold().await);
    assert!(matches!(
        read_models.pause("nothing", &order()).await,
        Err(ReadModelError::Unknown { .. })
    ));
    fresh.tasks.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_replaced_stops_the_read_model() {
    let fresh = Fresh::new().await;
    let read_models = fresh.read_models();
    started(&read_models, "totals", TOTALS).await;
    fresh.orders(0, 20).await;
    fresh.caught_up(&read_models, "totals").await;
    sqlx::raw_sql(
        "update highwater.read_model_progress set checkpoint_event_id = gen_random_uuid()",
    )
    .execute(&mut fresh.sql().await)
    .await
    .unwrap();
    fresh.orders(20, 1).await;
    let faulted = fresh
        .until("totals", |read_model| {
            read_model.state == ReadModelState::Faulted
        })
        .await;
    assert!(faulted.reason.unwrap().contains("the log was replaced"));
    fresh.tasks.shutdown().await;
}
