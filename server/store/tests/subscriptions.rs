//! Subscriptions: what members are given, when, and what becomes of it.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use highwater_model::{Position, SubscriptionBody};
use highwater_store::subscriptions::{Delivered, SubscriptionError};
use highwater_store::{Store, StoreOptions};
use support::fresh_with;
use support::subscriptions::{
    NAME, ask, body, drain, events, failed, given, now, order, positions, say, subscribed,
};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn all_is_delivered_once_in_the_order_of_each_stream() {
    let fresh = subscribed(body(""), 2_500, 40).await;
    let store = &fresh.store;
    let mut members = JoinSet::new();
    for member in ["a", "b", "c"] {
        let store = store.clone();
        members.spawn(async move {
            let mut seen = Vec::new();
            let mut done = Vec::new();
            let mut idle = 0;
            while idle < 5 {
                let delivered = ask(&store, member, 7, &done).await;
                assert!(delivered.acknowledged.not_held.is_empty());
                idle = if delivered.deliveries.is_empty() {
                    idle + 1
                } else {
                    0
                };
                done = given(&delivered);
                for delivery in &delivered.deliveries {
                    assert_eq!(delivery.attempt, 1);
                    seen.push((delivery.event.position, delivery.event.stream.to_string()));
                }
            }
            seen
        });
    }
    let mut all = BTreeSet::new();
    for seen in members.join_all().await {
        let mut last: BTreeMap<String, Position> = BTreeMap::new();
        assert!(!seen.is_empty(), "each gets a part");
        for (position, stream) in seen {
            assert!(all.insert(position), "{position} came twice");
            assert!(
                last.insert(stream, position)
                    .is_none_or(|before| before < position)
            );
        }
    }
    assert_eq!(all.len(), 2_500);
    let now = now(store).await;
    assert_eq!((now.checkpoint, now.acknowledged), (Position(2_500), 2_500));
    assert_eq!(
        (now.lag.positions, now.lag.matching, now.lag.capped),
        (0, 0, false)
    );
    assert_eq!(now.members.len(), 3);
    assert_eq!(
        now.members
            .iter()
            .map(|member| member.acknowledged)
            .sum::<i64>(),
        2_500
    );
}

#[tokio::test]
async fn of_a_stream_there_is_one_event_out_and_nobody_else_gets_the_next() {
    let fresh = subscribed(body(""), 10, 2).await;
    let store = &fresh.store;
    let first = ask(store, "a", 100, &[]).await;
    assert_eq!(positions(&first), [1, 2]);
    assert_eq!(positions(&ask(store, "b", 100, &[]).await), [0_i64; 0]);
    assert_eq!(
        positions(&ask(store, "b", 100, &[Position(1)]).await),
        [0_i64; 0]
    );
    assert_eq!(positions(&ask(store, "a", 100, &[Position(1)]).await), [3]);
    // As many as it wants, those that it has among them.
    assert_eq!(positions(&ask(store, "a", 2, &[Position(2)]).await), [4]);
    let now = now(store).await;
    assert_eq!((now.checkpoint, now.unacknowledged), (Position(2), 2));
    assert_eq!((now.lag.positions, now.lag.matching), (8, 8));
}

#[tokio::test]
async fn what_a_silent_member_had_goes_to_another_and_only_what_it_was_at_has_failed() {
    let short = SubscriptionBody {
        acknowledge_within_s: Some(1),
        ..body("")
    };
    let fresh = subscribed(short, 3, 3).await;
    let store = &fresh.store;
    assert_eq!(positions(&ask(store, "a", 100, &[]).await), [1, 2, 3]);
    assert_eq!(positions(&ask(store, "b", 100, &[]).await), [0_i64; 0]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let taken = ask(store, "b", 100, &[]).await;
    assert_eq!(positions(&taken), [2, 3]);
    assert!(
        taken
            .deliveries
            .iter()
            .all(|delivery| delivery.attempt == 1)
    );
    // Too late: they are another's.
    let late = ask(store, "a", 0, &[Position(1), Position(2)]).await;
    assert_eq!(late.acknowledged.not_held, [Position(1), Position(2)]);
    assert_eq!(late.acknowledged.acknowledged, 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let again = ask(store, "b", 100, &[Position(2), Position(3)]).await;
    assert_eq!(positions(&again), [1]);
    assert_eq!(again.deliveries[0].attempt, 2);
}

#[tokio::test]
async fn who_leaves_gives_back_and_a_lost_connection_counts_once() {
    let fresh = subscribed(body(""), 3, 3).await;
    let store = &fresh.store;
    ask(store, "a", 100, &[]).await;
    store.release_deliveries(NAME, "a", false).await.unwrap();
    let taken = ask(store, "b", 100, &[]).await;
    assert!(
        taken
            .deliveries
            .iter()
            .all(|delivery| delivery.attempt == 1)
    );
    store.release_deliveries(NAME, "b", true).await.unwrap();
    assert_eq!(positions(&ask(store, "c", 100, &[]).await), [2, 3]);
    let now = now(store).await;
    assert_eq!(now.waiting, 1);
    let present: Vec<_> = now.members.iter().map(|member| member.present).collect();
    assert_eq!(present, [false, false, true]);
}

#[tokio::test]
async fn what_fails_waits_with_its_stream_and_is_parked_in_the_end() {
    let twice = SubscriptionBody {
        attempts: Some(2),
        ..body("")
    };
    let fresh = subscribed(twice, 6, 2).await;
    let store = &fresh.store;
    ask(store, "a", 100, &[]).await;
    let others = say(store, "a", 100, &[Position(2)], &[failed(Position(1))]).await;
    assert_eq!(positions(&others), [4], "its stream waits, another goes on");
    assert_eq!(positions(&ask(store, "a", 100, &[Position(4)]).await), [6]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let again = ask(store, "a", 100, &[Position(6)]).await;
    assert_eq!(positions(&again), [1]);
    assert_eq!(again.deliveries[0].attempt, 2);
    let on = say(store, "a", 100, &[], &[failed(Position(1))]).await;
    assert_eq!(positions(&on), [3], "its stream goes on without it");
    assert_eq!(drain_from(store, "a", &on).await, [5]);
    let parked = store.parked_events(NAME, None, 100).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(
        (
            parked[0].position,
            parked[0].failures,
            parked[0].error.as_str()
        ),
        (Position(1), 2, "no")
    );
    let level = now(store).await;
    assert_eq!((level.parked, level.checkpoint), (1, Position(6)));

    assert_eq!(store.retry_parked(NAME, None, &order()).await.unwrap(), 1);
    let again = ask(store, "a", 100, &[]).await;
    assert_eq!(
        (positions(&again), again.deliveries[0].attempt),
        (vec![1], 1)
    );
    assert_eq!(now(store).await.checkpoint, Position(0));
    ask(store, "a", 0, &[Position(1)]).await;
    assert_eq!(now(store).await.checkpoint, Position(6));
    let none = store.drop_parked(NAME, None, &order()).await.unwrap_err();
    assert!(matches!(none, SubscriptionError::Refused(_)), "{none}");
}

/// Acknowledges what was delivered, and then all that there is.
async fn drain_from(store: &Store, member: &str, delivered: &Delivered) -> Vec<i64> {
    let next = ask(store, member, 100, &given(delivered)).await;
    let mut seen = positions(&next);
    ask(store, member, 0, &given(&next)).await;
    seen.extend(drain(store, member).await);
    seen
}

#[tokio::test]
async fn what_does_not_match_moves_the_checkpoint_and_a_filter_is_looked_for_bit_by_bit() {
    let fresh = fresh_with(StoreOptions {
        look_for: Duration::ZERO,
        ..StoreOptions::default()
    })
    .await;
    let store = &fresh.store;
    events(store, 30_000, 100).await;
    store
        .put_subscription(NAME, &body("type:Third data.n>29000"), &order())
        .await
        .unwrap();
    let seen = drain(store, "a").await;
    let expected: Vec<i64> = (29_001..30_000)
        .filter(|n| n % 3 == 0)
        .map(|n| n + 1)
        .collect();
    let sorted: Vec<i64> = seen
        .iter()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!((seen.len(), sorted), (expected.len(), expected));
    assert_eq!(now(store).await.checkpoint, Position(30_000));
}
