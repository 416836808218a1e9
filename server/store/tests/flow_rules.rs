//! Rules of flows: what they judge, how they are taken back, which are refused.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use std::time::Duration;

use highwater_model::{FlowList, FlowRuleBody, FlowShown, FlowState, FlowSummary};
use highwater_store::flows::FlowQuery;
use highwater_store::read_models::Order;
use highwater_store::{Store, StoreError};
use serde_json::json;
use support::flows::{list, numbers, of_flow, record, rule};
use support::{event, fresh};

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
