//! What operators do to subscriptions, while members go on, in any order.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use highwater_model::{Position, StartAt, SubscriptionBody, SubscriptionState};
use highwater_store::read_models::ActionQuery;
use highwater_store::subscriptions::SubscriptionError;
use support::fresh;
use support::subscriptions::{
    NAME, ask, body, drain, events, failed, given, now, order, positions, say, subscribed,
};

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
