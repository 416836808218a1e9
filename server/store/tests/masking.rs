//! What has to be known of read models and streams to tell whether they may hold something that is masked.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::slice;

use highwater_model::filter::Glob;
use highwater_model::{Definition, ExpectedVersion, MaskPath, MaskTypes, Role};
use highwater_store::Store;
use highwater_store::read_models::Order;
use serde_json::json;
use support::{Fresh, append, event, fresh, name};

fn order() -> Order {
    Order::new("ada", Some("to see"))
}

async fn define(store: &Store, events: &str, more: &str) {
    let text = format!(
        "-- highwater: events {events}\n-- highwater: tables\ncreate table people (n bigint primary key);\n\
         -- highwater: slice\ninsert into people select position from events;{more}\n"
    );
    let definition = Definition::parse("people", &text).unwrap();
    store.define(&definition, "api", &order()).await.unwrap();
}

/// The types of the read model, in order.
async fn handled(store: &Store) -> Vec<String> {
    let all = store.handled_types().await.unwrap();
    let mut types: Vec<String> = all
        .of("people")
        .unwrap()
        .iter()
        .map(Glob::to_string)
        .collect();
    types.sort();
    types
}

#[tokio::test]
async fn types_that_an_earlier_version_handled_are_remembered() {
    let Fresh { store, .. } = fresh().await;
    assert_eq!(store.handled_types().await.unwrap().of("people"), None);
    define(&store, "CustomerMoved, late order", "").await;
    assert_eq!(handled(&store).await, ["CustomerMoved", "late order"]);
    define(&store, "Order*", "").await;
    // The one that waited is gone.
    define(&store, "Payment*", "").await;
    let all = ["CustomerMoved", "Order*", "Payment*", "late order"];
    assert_eq!(handled(&store).await, all);
}

#[tokio::test]
async fn a_read_model_is_clear_of_masks_until_another_definition_comes() {
    let Fresh { store, .. } = fresh().await;
    let nobody = store.clear_of_masks("people", &order()).await.unwrap();
    assert_eq!(nobody, None);
    define(&store, "Customer*", "").await;
    store.clear_of_masks("people", &order()).await.unwrap();
    assert_eq!(handled(&store).await, [""; 0]);
    define(&store, "Customer*", "").await;
    assert_eq!(handled(&store).await, [""; 0], "it is the same one");
    define(&store, "Customer*", " -- another").await;
    assert_eq!(handled(&store).await, ["Customer*"]);
    assert!(store.mask_cleared().await.unwrap().is_empty());

    // A projection in code says its types whenever its program starts.
    let types = [Glob::starred("Order*")];
    store.define_code("sums", &types).await.unwrap();
    store.clear_of_masks("sums", &order()).await.unwrap();
    store.define_code("sums", &types).await.unwrap();
    assert_eq!(store.mask_cleared().await.unwrap().len(), 1);
    store
        .define_code("sums", &[Glob::starred("*")])
        .await
        .unwrap();
    assert!(store.mask_cleared().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_rule_comes_and_goes_and_each_time_everybody_is_asked_for_anew() {
    let Fresh { store, .. } = fresh().await;
    let types = MaskTypes::parse("Customer*").unwrap();
    let path = MaskPath::parse("data.email").unwrap();
    let before = store.identity_changes().await.unwrap();
    let order = order();
    let made = store.add_mask_rule(&types, &path, Role::Author, &order);
    let made = made.await.unwrap();
    assert_eq!(made.reason, "to see");
    assert_eq!(store.mask_rules().await.unwrap(), slice::from_ref(&made));
    let again = store.add_mask_rule(&types, &path, Role::Admin, &order);
    assert!(again.await.unwrap_err().to_string().contains("already"));
    let between = store.identity_changes().await.unwrap();
    assert!(store.remove_mask_rule(made.id, &order).await.unwrap());
    assert!(!store.remove_mask_rule(made.id, &order).await.unwrap());
    let after = store.identity_changes().await.unwrap();
    assert!(
        before < between && between < after,
        "{before} {between} {after}"
    );
}

#[tokio::test]
async fn a_stream_has_the_types_of_its_events_and_no_others() {
    let Fresh { store, .. } = fresh().await;
    for (stream, event_type) in [("order-1", "Order_Placed"), ("order-2", "OrderxPlaced")] {
        let events = vec![event(event_type, &json!({}))];
        let appended = append(stream, ExpectedVersion::Any, events);
        store.append(vec![appended]).await.unwrap();
    }
    let has = async |stream: &str, types: &str| {
        let types = MaskTypes::parse(types).unwrap();
        let stream = name(stream);
        let found = store.stream_has_types(&stream, types.globs());
        found.await.unwrap()
    };
    assert!(has("order-1", "Order*").await);
    assert!(has("order-1", "A,Order_Placed").await);
    assert!(has("order-2", "*").await);
    assert!(
        !has("order-2", "Order_Placed").await,
        "_ is a letter like others"
    );
    assert!(!has("order-3", "*").await);
}
