//! Subscriptions: what members are given, when, and what becomes of it.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use highwater_model::{
    FailedDelivery, ImportLine, MemberWay, Position, StartAt, Subscription, SubscriptionBody,
    SubscriptionState,
};
use highwater_store::read_models::{ActionQuery, Order};
use highwater_store::subscriptions::{Ask, Delivered, SubscriptionError};
use highwater_store::{Store, StoreOptions};
use serde_json::json;
use support::{Fresh, fresh, fresh_with};
use tokio::task::JoinSet;

const NAME: &str = "mailer";

fn order() -> Order {
    Order::new("tester", Some("a test"))
}

fn body(filter: &str) -> SubscriptionBody {
    SubscriptionBody {
        filter: Some(filter.to_owned()),
        ..SubscriptionBody::default()
    }
}

/// So many events, round and round over so many streams.
async fn events(store: &Store, count: usize, streams: usize) {
    let lines = (0..count).map(|number| {
        let stream = number % streams;
        let line = json!({"stream": format!("order-{stream}"), "type": if number % 3 == 0 { "Third" } else { "Other" }, "data": {"n": number}});
        serde_json::from_str::<ImportLine>(&line.to_string()).unwrap()
    });
    store.import(lines.collect()).await.unwrap();
}

async fn subscribed(body: SubscriptionBody, count: usize, streams: usize) -> Fresh {
    let fresh = fresh().await;
    events(&fresh.store, count, streams).await;
    assert!(
        fresh
            .store
            .put_subscription(NAME, &body, &order())
            .await
            .unwrap()
    );
    fresh
}

/// Looks as far as there is room, then asks.
async fn ask(store: &Store, member: &str, at_most: i64, done: &[Position]) -> Delivered {
    say(store, member, at_most, done, &[]).await
}

async fn say(
    store: &Store,
    member: &str,
    at_most: i64,
    acknowledge: &[Position],
    failed: &[FailedDelivery],
) -> Delivered {
    while store.look_for_subscription(NAME).await.unwrap().more {}
    let ask = Ask {
        member,
        way: MemberWay::Http,
        at_most,
        acknowledge,
        failed,
    };
    store.deliver(NAME, ask).await.unwrap()
}

fn failed(position: Position) -> FailedDelivery {
    FailedDelivery {
        position,
        error: "no".to_owned(),
    }
}

fn positions(delivered: &Delivered) -> Vec<i64> {
    let deliveries = delivered.deliveries.iter();
    deliveries
        .map(|delivery| delivery.event.position.0)
        .collect()
}

fn given(delivered: &Delivered) -> Vec<Position> {
    positions(delivered).into_iter().map(Position).collect()
}

async fn now(store: &Store) -> Subscription {
    store.subscription(NAME).await.unwrap()
}

/// Acknowledges all that there is.
async fn drain(store: &Store, member: &str) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut delivered = ask(store, member, 100, &[]).await;
    while !delivered.deliveries.is_empty() {
        seen.extend(positions(&delivered));
        let done = given(&delivered);
        delivered = ask(store, member, 100, &done).await;
    }
    seen
}

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

#[tokio::test]
async fn a_new_one_begins_where_it_says_and_one_that_is_there_keeps_its_place() {
    let fresh = fresh().await;
    let store = &fresh.store;
    events(store, 10, 10).await;
    let from = |from| SubscriptionBody {
        from: Some(from),
        ..body("")
    };
    let put = async |body: SubscriptionBody| store.put_subscription(NAME, &body, &order()).await;
    let beyond = put(from(StartAt::Position(Position(12))))
        .await
        .unwrap_err();
    assert!(matches!(beyond, SubscriptionError::Value(_)), "{beyond}");
    assert!(put(from(StartAt::Position(Position(8)))).await.unwrap());
    assert_eq!(drain(store, "a").await, [8, 9, 10]);
    assert!(!put(from(StartAt::Start)).await.unwrap());
    assert_eq!(drain(store, "a").await, [0_i64; 0]);
    store.remove_subscription(NAME, &order()).await.unwrap();
    assert!(put(from(StartAt::End)).await.unwrap());
    assert_eq!(drain(store, "a").await, [0_i64; 0]);
    events(store, 1, 1).await;
    assert_eq!(drain(store, "a").await, [11]);
    for bad in [body("type:"), body("data.n>")] {
        let error = put(bad).await.unwrap_err();
        assert!(matches!(error, SubscriptionError::Filter(_)), "{error}");
    }
    let zero = SubscriptionBody {
        attempts: Some(0),
        ..SubscriptionBody::default()
    };
    let error = put(zero).await.unwrap_err().to_string();
    assert_eq!(error, "attempts is 1 to 100; this is 0");
}

#[tokio::test]
async fn an_operator_pauses_replays_and_skips() {
    let fresh = subscribed(body("type:Third"), 30, 30).await;
    let store = &fresh.store;
    assert_eq!(drain(store, "a").await.len(), 10);
    store.pause_subscription(NAME, &order()).await.unwrap();
    let again = store.pause_subscription(NAME, &order()).await.unwrap_err();
    assert!(matches!(again, SubscriptionError::Refused(_)), "{again}");

    let plan = store.plan_move(NAME, Position(16)).await.unwrap();
    assert_eq!(
        (plan.checkpoint, plan.to, plan.matching),
        (Position(30), Position(15), 5)
    );
    store
        .replay_subscription(NAME, Position(16), &order())
        .await
        .unwrap();
    let nothing = ask(store, "a", 100, &[]).await;
    assert_eq!(
        (nothing.deliveries.len(), nothing.state),
        (0, SubscriptionState::Paused)
    );
    assert_eq!(now(store).await.reason.as_deref(), Some("a test"));
    store.resume_subscription(NAME, &order()).await.unwrap();
    let five = ask(store, "a", 100, &[]).await;
    assert_eq!(positions(&five), [16, 19, 22, 25, 28]);
    // While they are out: what is said of them afterwards counts for nothing.
    let plan = store.plan_move(NAME, Position(25)).await.unwrap();
    assert_eq!(
        (plan.checkpoint, plan.to, plan.matching),
        (Position(15), Position(25), 4)
    );
    store
        .skip_subscription(NAME, Position(25), &order())
        .await
        .unwrap();
    let late = ask(store, "a", 100, &given(&five)).await;
    assert_eq!(late.acknowledged.acknowledged, 1);
    assert_eq!(late.acknowledged.not_held.len(), 4);
    assert_eq!(now(store).await.checkpoint, Position(30));
    for (position, what) in [(0, "1 to 30"), (31, "1 to 30")] {
        let error = store
            .skip_subscription(NAME, Position(position), &order())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    let of_it = ActionQuery {
        subscription: Some(NAME.to_owned()),
        limit: 10,
        ..ActionQuery::default()
    };
    let actions = store.find_actions(&of_it);
    let told: Vec<String> = actions
        .await
        .unwrap()
        .into_iter()
        .map(|action| action.action)
        .collect();
    assert_eq!(told, ["skip", "resume", "replay", "pause", "define"]);
}

/// Whatever is done and in which order, in the end each event was acknowledged, is parked, or was skipped.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_whatever_is_done() {
    for seed in 1..=6_u64 {
        let often = SubscriptionBody {
            attempts: Some(1),
            ..body("")
        };
        let fresh = subscribed(often, 300, 9).await;
        let store = &fresh.store;
        let mut chance = Chance(seed);
        let mut held: BTreeMap<&str, Vec<Position>> = BTreeMap::new();
        let (mut done, mut skipped) = (BTreeSet::new(), 0);
        for _ in 0..80 {
            let member = ["a", "b", "c"][chance.below(3)];
            match chance.below(12) {
                0 => {
                    let checkpoint = now(store).await.checkpoint.0;
                    if checkpoint > 1 {
                        let from =
                            1 + i64::try_from(chance.below(usize::try_from(checkpoint).unwrap()))
                                .unwrap();
                        store
                            .replay_subscription(NAME, Position(from), &order())
                            .await
                            .unwrap();
                        done.retain(|position| *position < from);
                        skipped = skipped.min(from - 1);
                    }
                }
                1 => {
                    let upto = now(store).await.checkpoint.0 + 3;
                    if upto < 300 {
                        store
                            .skip_subscription(NAME, Position(upto), &order())
                            .await
                            .unwrap();
                        skipped = upto;
                    }
                }
                2 => {
                    store.release_deliveries(NAME, member, false).await.unwrap();
                    held.remove(member);
                }
                3 => {
                    if let Some(position) = held.entry(member).or_default().pop() {
                        say(store, member, 0, &[], &[failed(position)]).await;
                    }
                }
                4 => drop(store.retry_parked(NAME, None, &order()).await),
                _ => {
                    let mine = held.entry(member).or_default();
                    let acknowledge: Vec<Position> = mine.drain(..mine.len() / 2).collect();
                    let found = ask(store, member, 20, &acknowledge).await;
                    let not_held = &found.acknowledged.not_held;
                    done.extend(
                        acknowledge
                            .iter()
                            .filter(|one| !not_held.contains(one))
                            .map(|one| one.0),
                    );
                    mine.extend(given(&found));
                }
            }
        }
        for member in ["a", "b", "c"] {
            store.release_deliveries(NAME, member, false).await.unwrap();
        }
        done.extend(drain(store, "d").await);
        let parked = store.parked_events(NAME, None, 1_000).await.unwrap();
        done.extend(parked.iter().map(|one| one.position.0));
        done.extend(1..=skipped);
        assert_eq!(done, (1..=300).collect(), "seed {seed}");
        assert_eq!(now(store).await.checkpoint, Position(300), "seed {seed}");
    }
}

/// A small generator of numbers, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}
