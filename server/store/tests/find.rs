//! Finding things by a part of their name, by id, by position.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::FoundKind::{self, Category, Stream, Type};
use highwater_model::{ExpectedVersion, ProposedEvent};
use highwater_store::{Store, StoreError};
use serde_json::json;
use support::{append, event, event_with_id, fresh, raw};
use uuid::Uuid;

async fn record(store: &Store, stream: &str, event: ProposedEvent) {
    let one = append(stream, ExpectedVersion::Any, vec![event]);
    store.append(vec![one]).await.unwrap();
}

async fn names(store: &Store, text: &str) -> Vec<(FoundKind, String)> {
    let answer = store.find(text).await.unwrap();
    assert!(answer.looked_at_all);
    let named = |found: highwater_model::Found| (found.kind, found.name);
    answer.found.into_iter().map(named).collect()
}

#[tokio::test]
async fn what_fits_best_comes_first() {
    let fresh = fresh().await;
    let store = &fresh.store;
    for stream in [
        "order-7f3a",
        "order-1",
        "reorder-9",
        "payment-order",
        "Order-2",
    ] {
        record(store, stream, event("OrderPlaced", &json!({}))).await;
    }
    record(store, "ticket-1", event("Reordered", &json!({}))).await;
    let order = names(store, "order").await;
    assert_eq!(
        order[..2],
        [
            (Category, "Order".to_owned()),
            (Category, "order".to_owned())
        ]
    );
    let first = |kind, name: &str| {
        order
            .iter()
            .position(|found| *found == (kind, name.to_owned()))
            .unwrap()
    };
    assert!(first(Type, "OrderPlaced") < first(Type, "Reordered"));
    assert!(first(Stream, "order-1") < first(Stream, "payment-order"));
    assert!(first(Stream, "payment-order") < first(Stream, "reorder-9"));
    // The beginning of what stands behind the category, the middle of a name, and no name at all.
    assert_eq!(
        names(store, "7f").await,
        [(Stream, "order-7f3a".to_owned())]
    );
    assert_eq!(
        names(store, "f3").await,
        [(Stream, "order-7f3a".to_owned())]
    );
    assert_eq!(names(store, "%").await, []);
    assert_eq!(names(store, "nowhere").await, []);
    assert_eq!(names(store, "  ").await, []);
}

#[tokio::test]
async fn ids_are_found_by_their_first_letters_and_events_by_position() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let id: Uuid = "0190aaaa-bbbb-7000-8000-000000000001".parse().unwrap();
    let flow: Uuid = "0190cccc-dddd-7000-8000-000000000002".parse().unwrap();
    for number in 0..3 {
        let mut one = if number == 1 {
            event_with_id("Placed", &json!({}), id)
        } else {
            event("Paid", &json!({}))
        };
        one.metadata = Some(raw(&json!({"correlation_id": flow})));
        record(store, "order-1", one).await;
    }
    for text in [
        "0190aaaa-bbbb-7000-8000-000000000001",
        "0190AAAA",
        "0190aaaa-bb",
        "2",
        " 2 ",
    ] {
        let found = names(store, text).await;
        assert_eq!(found[0], (FoundKind::Event, id.to_string()), "{text}");
    }
    for text in ["0190cccc-dddd-7000-8000-000000000002", "0190ccccdd"] {
        assert_eq!(
            names(store, text).await,
            [(FoundKind::Flow, flow.to_string())],
            "{text}"
        );
    }
    let answer = store.find("0190cccc").await.unwrap();
    assert_eq!(answer.found[0].detail, "begins with Paid");
    assert_eq!(names(store, "0190ffff").await, []);
    assert_eq!(names(store, "99999999999999999999").await, []);
}

#[tokio::test]
async fn a_text_that_no_name_can_have_is_refused() {
    let fresh = fresh().await;
    for text in ["x".repeat(256), "a\0b".to_owned()] {
        let refused = fresh.store.find(&text).await;
        assert!(
            matches!(refused, Err(StoreError::BadQuery(_))),
            "{refused:?}"
        );
    }
}
