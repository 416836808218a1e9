//! Flows: summarised beside the appends whatever the slices, read one by one, and the map that their causes draw.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_model::{FlowState, ProposedEvent};
use highwater_store::flows::FlowQuery;
use highwater_store::read_models::Order;
use highwater_store::{Store, StoreOptions, Tasks};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use support::flows::{flow_id, list, numbers, of_flow, record, rule};
use support::{event, fresh, raw};
use uuid::Uuid;

#[tokio::test]
async fn a_summary_is_what_the_events_come_to_however_they_were_sliced() {
    let fresh = fresh().await;
    let store = &fresh.store;
    store
        .set_flow_rule(
            "Begun",
            &rule(&["Done", "Refused"], None),
            &Order::new("ada", None),
        )
        .await
        .unwrap();
    // Interleaved flows of different lengths, clocks that run back, events of no flow between them.
    for round in 0..12_u128 {
        for flow in 0..9_u128 {
            if round > flow {
                continue;
            }
            let second =
                i64::try_from(round * 10 + flow).unwrap() * if flow % 4 == 3 { -1 } else { 1 };
            let event_type = match (round, flow % 3) {
                (0, 2) => "Opened",
                (0, _) => "Begun",
                (3, 0) => "Done",
                (4, 1) => "Refused",
                _ => "Went",
            };
            record(
                store,
                &format!("a-{flow}"),
                vec![of_flow(flow, event_type, second, None)],
            )
            .await;
        }
        record(store, "quiet-1", vec![event("Rung", &json!({}))]).await;
    }
    let found = list(store, FlowQuery::default()).await;
    assert_eq!(found.flows.len(), 9);
    for summary in &found.flows {
        let from_events = store.flow_summary(summary.correlation_id).await.unwrap();
        assert_eq!(from_events.as_ref(), Some(summary));
    }
    let by_state = |state| {
        found
            .flows
            .iter()
            .filter(|flow| flow.state == state)
            .count()
    };
    assert_eq!(by_state(FlowState::NoRule), 3, "those that were opened");
    assert_eq!(
        by_state(FlowState::Finished),
        4,
        "0 and 1 are too short to end"
    );

    // Again, a handful of events at a time, and one by one.
    fresh.tasks.shutdown().await;
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    for most in [1, 7] {
        sqlx::raw_sql(
            "truncate highwater.flows; update highwater.flows_summarised set position = 0",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        loop {
            let (done, log_end): (i64, i64) =
                sqlx::query_as("select done, log_end from highwater.summarise_flows($1)")
                    .bind(most)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap();
            if done == log_end {
                break;
            }
        }
        let again = store.flows(FlowQuery::default()).await.unwrap();
        assert_eq!(again.flows, found.flows, "slices of {most}");
    }
}

#[tokio::test]
async fn one_flow_tells_causes_that_are_elsewhere_and_nowhere() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let (first, other, nowhere) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    record(
        store,
        "b-1",
        vec![ProposedEvent {
            id: Some(other),
            ..of_flow(2, "Asked", 0, None)
        }],
    )
    .await;
    record(
        store,
        "a-1",
        vec![ProposedEvent {
            id: Some(first),
            ..of_flow(1, "Begun", 1, Some(other))
        }],
    )
    .await;
    record(
        store,
        "c-1",
        vec![
            of_flow(1, "Went", 2, Some(first)),
            of_flow(1, "Lost", 3, Some(nowhere)),
        ],
    )
    .await;
    let flow = store.flow(flow_id(1)).await.unwrap().unwrap();
    let told: Vec<_> = flow
        .events
        .iter()
        .map(|event| {
            (
                event.event_type.as_str(),
                event.stream.as_str(),
                event.caused_by,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("Begun", "a-1", Some(other)),
            ("Went", "c-1", Some(first)),
            ("Lost", "c-1", Some(nowhere))
        ]
    );
    assert_eq!(flow.events[0].service.as_deref(), Some("shop"));
    assert_eq!(
        flow.outside
            .iter()
            .map(|event| event.id)
            .collect::<Vec<_>>(),
        [other]
    );
    assert_eq!(flow.missing, [nowhere]);
    assert_eq!(
        (
            flow.summary.kind.as_str(),
            flow.summary.last_type.as_str(),
            flow.summary.events
        ),
        ("Begun", "Lost", 3)
    );
    assert!(store.flow(flow_id(9)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_flow_of_very_many_events_is_answered_in_part_and_counted_whole() {
    let fresh = fresh().await;
    let store = &fresh.store;
    for chunk in 0..6_i64 {
        let events = (0..1_000)
            .map(|number| of_flow(1, "Went", chunk * 1_000 + number, None))
            .collect();
        record(store, "a-1", events).await;
    }
    let flow = store.flow(flow_id(1)).await.unwrap().unwrap();
    assert_eq!((flow.events.len(), flow.summary.events), (5_000, 6_000));
    assert_eq!(flow.summary.duration_ms(), 5_999_000);
    let listed = list(store, FlowQuery::default()).await;
    assert_eq!(listed.flows, [flow.summary]);
}

#[tokio::test]
async fn of_two_programs_each_event_is_counted_once() {
    let fresh = fresh().await;
    let tasks = Tasks::new();
    let other = Store::open(&fresh.url, StoreOptions::default(), &tasks)
        .await
        .unwrap();
    let mut expected = BTreeMap::new();
    for round in 0..40_u128 {
        for (store, flow) in [(&fresh.store, round % 5), (&other, round % 3)] {
            record(store, "a-1", vec![of_flow(flow, "Went", 0, None)]).await;
            *expected.entry(flow).or_insert(0_i64) += 1;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let found = list(&other, FlowQuery::default()).await;
    let counts: BTreeMap<u128, i64> = numbers(&found)
        .into_iter()
        .zip(found.flows.iter().map(|flow| flow.events))
        .collect();
    assert_eq!(counts, expected);
}

/// An event of a service, or of nobody that is named.
fn by(service: Option<&str>, event_type: &str, id: Uuid, cause: Option<Uuid>) -> ProposedEvent {
    let mut metadata = json!({});
    if let Some(service) = service {
        metadata["service"] = json!(service);
    }
    if let Some(cause) = cause {
        metadata["causation_id"] = json!(cause);
    }
    ProposedEvent {
        id: Some(id),
        metadata: Some(raw(&metadata)),
        ..event(event_type, &json!({}))
    }
}

#[tokio::test]
async fn the_map_is_learned_from_causes() {
    let fresh = fresh().await;
    let store = &fresh.store;
    let id = |number: u128| Uuid::from_u128(0x7000_8000_0000_0000_0000_9999 + number);
    for number in 0..3 {
        let (placed, asked, paid) = (id(number * 10), id(number * 10 + 1), id(number * 10 + 2));
        let order = by(Some("orders"), "OrderPlaced", placed, None);
        record(store, &format!("order-{number}"), vec![order]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let payment = by(Some("payments"), "PaymentRequested", asked, Some(placed));
        record(store, "payment-1", vec![payment]).await;
        // Nobody says which service it is: it goes by its category. And one whose cause is nowhere.
        let booked = by(None, "Booked", paid, Some(asked));
        let stray = by(None, "Stray", id(number * 10 + 3), Some(id(900)));
        record(store, "ledger-1", vec![booked, stray]).await;
    }
    let now = store.clock().now();
    let minute = jiff::SignedDuration::from_mins(1);
    let map = store.flow_map(now - minute, now + minute).await.unwrap();
    assert_eq!((map.events, map.cut), (12, false));
    // The log is younger than a minute.
    assert!(map.since > now - minute, "{}", map.since);
    let nodes = map.nodes.iter();
    let nodes: Vec<_> = nodes
        .map(|node| {
            (
                node.place.name.as_str(),
                node.place.is_category,
                node.events,
            )
        })
        .collect();
    let expected = [
        ("ledger", true, 6),
        ("orders", false, 3),
        ("payments", false, 3),
    ];
    assert_eq!(nodes, expected);
    let edges = map.edges.iter();
    let edges: Vec<_> = edges
        .map(|edge| {
            let (from, to) = (edge.from.name.as_str(), edge.to.name.as_str());
            format!(
                "{from} {} > {to} {} {}",
                edge.handled, edge.emitted, edge.events
            )
        })
        .collect();
    let expected = [
        "payments PaymentRequested > ledger Booked 3",
        "orders OrderPlaced > payments PaymentRequested 3",
    ];
    assert_eq!(edges, expected);
    let first = &map.edges[1];
    assert!(
        first.p50_ms >= 20 && first.p95_ms >= first.p50_ms,
        "{first:?}"
    );
    assert_eq!(first.newest, id(21));
    let before = store
        .flow_map(now - minute * 90, now - minute * 60)
        .await
        .unwrap();
    assert_eq!(
        (before.events, before.nodes.len(), before.edges.len()),
        (0, 0, 0)
    );
}
