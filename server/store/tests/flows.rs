//! Flows: summarised beside the appends whatever the slices, judged by rules, listed, and read one by one.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_model::{
    ExpectedVersion, FlowList, FlowOrder, FlowRuleBody, FlowShown, FlowState, FlowSummary,
    ProposedEvent,
};
use highwater_store::flows::FlowQuery;
use highwater_store::read_models::Order;
use highwater_store::{Store, StoreError, StoreOptions, Tasks};
use jiff::Timestamp;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use support::{append, event, fresh, raw};
use uuid::Uuid;

fn flow_id(number: u128) -> Uuid {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 + number)
}

/// An event of a flow that happened so many seconds after the first of them.
fn of_flow(flow: u128, event_type: &str, second: i64, cause: Option<Uuid>) -> ProposedEvent {
    let mut metadata = json!({"correlation_id": flow_id(flow), "service": "shop"});
    if let Some(cause) = cause {
        metadata["causation_id"] = json!(cause);
    }
    ProposedEvent {
        metadata: Some(raw(&metadata)),
        occurred_at: Some(at(second)),
        ..event(event_type, &json!({"flow": flow.to_string()}))
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

async fn record(store: &Store, stream: &str, events: Vec<ProposedEvent>) {
    let one = append(stream, ExpectedVersion::Any, events);
    store.append(vec![one]).await.unwrap();
}

/// A page, once everything that was appended is summarised.
async fn list(store: &Store, query: FlowQuery) -> FlowList {
    for _ in 0..600 {
        let list = store.flows(query.clone()).await.unwrap();
        if list.summarised == list.head {
            return list;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("flows were not summarised within 12 s");
}

fn rule(ends: &[&str], within_ms: Option<i64>) -> FlowRuleBody {
    FlowRuleBody {
        ends: ends.iter().map(|name| (*name).to_owned()).collect(),
        within_ms,
        reason: None,
    }
}

/// Writes a rule and waits until all flows are judged by it.
async fn set_rule(store: &Store, kind: &str, body: FlowRuleBody) {
    let order = Order::new("ada", Some("a test"));
    store.set_flow_rule(kind, &body, &order).await.unwrap();
    // Nothing is appended, so the program finds the rule when it next looks.
    record(store, "bell-1", vec![event("Rung", &json!({}))]).await;
    for _ in 0..1_000 {
        let judged = store.flow_rule(kind).await.unwrap();
        if judged.is_none_or(|rule| rule.judged_to.is_none()) {
            list(store, FlowQuery::default()).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("flows were not judged within 20 s");
}

fn numbers(list: &FlowList) -> Vec<u128> {
    let start = flow_id(0).as_u128();
    let number = |flow: &FlowSummary| flow.correlation_id.as_u128() - start;
    list.flows.iter().map(number).collect()
}

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
async fn a_rule_judges_what_is_there_and_what_comes_and_can_be_taken_back() {
    let fresh = fresh().await;
    let store = &fresh.store;
    record(
        store,
        "a-1",
        vec![
            of_flow(1, "Begun", 0, None),
            of_flow(1, "Done", 5, None),
            of_flow(1, "Told", 6, None),
        ],
    )
    .await;
    record(store, "a-2", vec![of_flow(2, "Begun", 0, None)]).await;
    let states = |list: &FlowList| {
        list.flows
            .iter()
            .map(|flow| (flow.state, flow.late, flow.outcome.clone()))
            .collect::<Vec<_>>()
    };
    let before = list(store, FlowQuery::default()).await;
    assert_eq!(
        states(&before),
        [
            (FlowState::NoRule, false, None),
            (FlowState::NoRule, false, None)
        ]
    );

    set_rule(store, "Begun", rule(&["Done"], Some(60_000))).await;
    let judged = list(store, FlowQuery::default()).await;
    let done = Some("Done".to_owned());
    assert_eq!(
        states(&judged),
        [
            (FlowState::Unfinished, true, None),
            (FlowState::Finished, false, done.clone())
        ]
    );
    let late = list(
        store,
        FlowQuery {
            shown: FlowShown::Late,
            ..FlowQuery::default()
        },
    )
    .await;
    assert_eq!(numbers(&late), [2]);
    let kinds = store.late_flows().await.unwrap();
    assert_eq!(kinds.iter().map(|kind| kind.1).collect::<Vec<_>>(), [1]);

    // What ends a flow later counts, and so does a rule that is given more time.
    record(store, "a-2", vec![of_flow(2, "Done", 900, None)]).await;
    let ended = list(store, FlowQuery::default()).await;
    assert_eq!(states(&ended)[0], (FlowState::Finished, false, done));
    assert_eq!(ended.flows[0].duration_ms(), 900_000);

    set_rule(store, "Begun", rule(&["Told", "Never"], None)).await;
    let other = list(store, FlowQuery::default()).await;
    assert_eq!(
        states(&other),
        [
            (FlowState::Unfinished, false, None),
            (FlowState::Finished, false, Some("Told".to_owned()))
        ]
    );

    set_rule(store, "Begun", rule(&[], None)).await;
    assert_eq!(store.flow_rule("Begun").await.unwrap(), None);
    // Of a rule that is gone nobody can be asked how far it was judged by.
    loop {
        let none = list(store, FlowQuery::default()).await;
        let judged = |flow: &FlowSummary| flow.state == FlowState::NoRule && flow.outcome.is_none();
        if none.flows.iter().all(judged) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let actions = store.actions(None, None, 10).await.unwrap();
    assert_eq!(
        actions
            .iter()
            .filter(|action| action.action == "flow_rule" && action.actor == "ada")
            .count(),
        3
    );
    assert_eq!(actions[0].before["ends"], json!(["Told", "Never"]));
}

#[tokio::test]
async fn rules_that_say_nothing_are_refused() {
    let fresh = fresh().await;
    let order = Order::new("ada", None);
    let many: Vec<String> = (0..51).map(|number| format!("Type{number}")).collect();
    let many = FlowRuleBody {
        ends: many,
        within_ms: None,
        reason: None,
    };
    for (kind, body) in [
        ("", rule(&["Done"], None)),
        ("Begun", rule(&["  "], None)),
        ("Begun", rule(&["Do\0ne"], None)),
        ("Begun", rule(&["Done"], Some(0))),
        ("Begun", rule(&["Done"], Some(i64::MAX))),
        ("Begun", many),
    ] {
        let refused = fresh.store.set_flow_rule(kind, &body, &order).await;
        assert!(
            matches!(refused, Err(StoreError::BadRule(_))),
            "{kind} {body:?}: {refused:?}"
        );
    }
    assert_eq!(fresh.store.flow_rule("Begun").await.unwrap(), None);
}

/// Thirty flows of two kinds and different durations, every other one of those that have a rule finished.
async fn thirty(store: &Store) {
    let order = Order::new("ada", None);
    store
        .set_flow_rule("Begun", &rule(&["Done"], None), &order)
        .await
        .unwrap();
    for flow in 0..30_u128 {
        let kind = if flow % 2 == 0 { "Begun" } else { "Opened" };
        let took = i64::try_from(flow * 7 % 30).unwrap();
        let mut events = vec![
            of_flow(flow, kind, 0, None),
            of_flow(flow, "Went", took, None),
        ];
        if flow % 4 == 0 {
            events.push(of_flow(flow, "Done", took, None));
        }
        record(store, &format!("a-{flow}"), events).await;
    }
    list(store, FlowQuery::default()).await;
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let fresh = fresh().await;
    let store = &fresh.store;
    thirty(store).await;
    let all = |query: FlowQuery| async move {
        let (mut found, mut query) = (Vec::new(), FlowQuery { limit: 4, ..query });
        loop {
            let page = store.flows(query.clone()).await.unwrap();
            assert!(page.flows.len() <= 4);
            found.extend(numbers(&page));
            query.cursor = page.next;
            if page.next.is_none() {
                return found;
            }
        }
    };
    let newest: Vec<u128> = (0..30).rev().collect();
    assert_eq!(all(FlowQuery::default()).await, newest);
    let oldest = FlowQuery {
        order: FlowOrder::Oldest,
        ..FlowQuery::default()
    };
    assert_eq!(all(oldest).await, (0..30).collect::<Vec<_>>());
    let opened = FlowQuery {
        kind: Some("Opened".to_owned()),
        ..FlowQuery::default()
    };
    assert_eq!(
        all(opened).await,
        newest
            .iter()
            .copied()
            .filter(|flow| flow % 2 == 1)
            .collect::<Vec<_>>()
    );
    for kind in [None, Some("Begun".to_owned())] {
        let unfinished = FlowQuery {
            kind: kind.clone(),
            shown: FlowShown::Unfinished,
            order: FlowOrder::Oldest,
            ..FlowQuery::default()
        };
        assert_eq!(
            all(unfinished).await,
            (0..30).filter(|flow| flow % 4 == 2).collect::<Vec<_>>()
        );
        let finished = FlowQuery {
            kind,
            shown: FlowShown::Finished,
            ..FlowQuery::default()
        };
        assert_eq!(
            all(finished).await,
            newest
                .iter()
                .copied()
                .filter(|flow| flow % 4 == 0)
                .collect::<Vec<_>>()
        );
    }
    let nowhere = FlowQuery {
        kind: Some("Nowhere".to_owned()),
        ..FlowQuery::default()
    };
    assert_eq!(all(nowhere).await, Vec::<u128>::new());
    let filtered = FlowQuery {
        filter: "type:Done data.flow:8,12,3".parse().unwrap(),
        ..FlowQuery::default()
    };
    assert_eq!(
        all(filtered).await,
        [12, 8],
        "an event of the flow meets every term"
    );
}

#[tokio::test]
async fn the_slowest_and_the_figures_of_each_kind_are_told() {
    let fresh = fresh().await;
    let store = &fresh.store;
    thirty(store).await;
    let slowest = FlowQuery {
        kind: Some("Opened".to_owned()),
        order: FlowOrder::Slowest,
        limit: 3,
        ..FlowQuery::default()
    };
    let slowest = store.flows(slowest).await.unwrap();
    let took: Vec<i64> = slowest.flows.iter().map(FlowSummary::duration_ms).collect();
    assert_eq!((took, slowest.next), (vec![29_000, 27_000, 25_000], None));

    let kinds = store.flow_kinds().await.unwrap();
    let begun = kinds.iter().find(|kind| kind.kind == "Begun").unwrap();
    assert_eq!(
        (begun.sample, begun.finished, begun.unfinished, begun.late),
        (15, 8, 7, 0)
    );
    let mut durations: Vec<i64> = (0..30)
        .filter(|flow| flow % 4 == 0)
        .map(|flow| flow * 7 % 30 * 1_000)
        .collect();
    durations.sort_unstable();
    assert_eq!(
        (begun.p50_ms, begun.p99_ms),
        (Some(durations[3]), Some(durations[7]))
    );
    assert_eq!(begun.outcomes[0].flows, 8);
    let opened = kinds.iter().find(|kind| kind.kind == "Opened").unwrap();
    assert_eq!(
        (
            opened.rule.as_ref(),
            opened.p50_ms.is_some(),
            opened.unfinished
        ),
        (None, true, 0)
    );
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
