//! A subscription, and what its members say and are given.

use highwater_model::{
    FailedDelivery, ImportLine, MemberWay, Position, Subscription, SubscriptionBody,
};
use highwater_store::Store;
use highwater_store::read_models::Order;
use highwater_store::subscriptions::{Ask, Delivered};
use serde_json::json;

use super::{Fresh, fresh};

pub(crate) const NAME: &str = "mailer";

pub(crate) fn order() -> Order {
    Order::new("tester", Some("a test"))
}

pub(crate) fn body(filter: &str) -> SubscriptionBody {
    SubscriptionBody {
        filter: Some(filter.to_owned()),
        ..SubscriptionBody::default()
    }
}

/// So many events, round and round over so many streams.
pub(crate) async fn events(store: &Store, count: usize, streams: usize) {
    let lines = (0..count).map(|number| {
        let stream = number % streams;
        let line = json!({"stream": format!("order-{stream}"), "type": if number % 3 == 0 { "Third" } else { "Other" }, "data": {"n": number}});
        serde_json::from_str::<ImportLine>(&line.to_string()).unwrap()
    });
    store.import(lines.collect()).await.unwrap();
}

pub(crate) async fn subscribed(body: SubscriptionBody, count: usize, streams: usize) -> Fresh {
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
pub(crate) async fn ask(store: &Store, member: &str, at_most: i64, done: &[Position]) -> Delivered {
    say(store, member, at_most, done, &[]).await
}

pub(crate) async fn say(
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

pub(crate) fn failed(position: Position) -> FailedDelivery {
    FailedDelivery {
        position,
        error: "no".to_owned(),
    }
}

pub(crate) fn positions(delivered: &Delivered) -> Vec<i64> {
    let deliveries = delivered.deliveries.iter();
    deliveries
        .map(|delivery| delivery.event.position.0)
        .collect()
}

pub(crate) fn given(delivered: &Delivered) -> Vec<Position> {
    positions(delivered).into_iter().map(Position).collect()
}

pub(crate) async fn now(store: &Store) -> Subscription {
    store.subscription(NAME).await.unwrap()
}

/// Acknowledges all that there is.
pub(crate) async fn drain(store: &Store, member: &str) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut delivered = ask(store, member, 100, &[]).await;
    while !delivered.deliveries.is_empty() {
        seen.extend(positions(&delivered));
        let done = given(&delivered);
        delivered = ask(store, member, 100, &done).await;
    }
    seen
}
