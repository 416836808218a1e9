//! Flows to summarise, and their list once they are.

use std::time::Duration;

use highwater_model::{ExpectedVersion, FlowList, FlowRuleBody, FlowSummary, ProposedEvent};
use highwater_store::Store;
use highwater_store::flows::FlowQuery;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{append, event, raw};

pub(crate) fn flow_id(number: u128) -> Uuid {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 + number)
}

/// An event of a flow that happened so many seconds after the first of them.
pub(crate) fn of_flow(
    flow: u128,
    event_type: &str,
    second: i64,
    cause: Option<Uuid>,
) -> ProposedEvent {
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

pub(crate) async fn record(store: &Store, stream: &str, events: Vec<ProposedEvent>) {
    let one = append(stream, ExpectedVersion::Any, events);
    store.append(vec![one]).await.unwrap();
}

/// A page, once everything that was appended is summarised.
pub(crate) async fn list(store: &Store, query: FlowQuery) -> FlowList {
    for _ in 0..600 {
        let list = store.flows(query.clone()).await.unwrap();
        if list.summarised == list.head {
            return list;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("flows were not summarised within 12 s");
}

pub(crate) fn rule(ends: &[&str], within_ms: Option<i64>) -> FlowRuleBody {
    FlowRuleBody {
        ends: ends.iter().map(|name| (*name).to_owned()).collect(),
        within_ms,
        reason: None,
    }
}

pub(crate) fn numbers(list: &FlowList) -> Vec<u128> {
    let start = flow_id(0).as_u128();
    let number = |flow: &FlowSummary| flow.correlation_id.as_u128() - start;
    list.flows.iter().map(number).collect()
}
