//! Flows as they are listed: sorted, filtered, paged, with the figures of each kind.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod support;

use highwater_model::{FlowOrder, FlowShown, FlowSummary};
use highwater_store::Store;
use highwater_store::flows::FlowQuery;
use highwater_store::read_models::Order;
use support::flows::{list, numbers, of_flow, record, rule};
use support::fresh;

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
