//! State definitions of orders, and what they make of a stream's events.

use highwater_model::{AppendToStream, ExpectedVersion, RecordedEvent, StateDefinition};
use highwater_store::read_models::Order;
use highwater_store::state_definitions::{FoldError, StateDefinitionId};
use highwater_store::{Direction, Store};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{append, event, name};

pub(crate) fn definition(category: &str, expression: &str) -> StateDefinition {
    StateDefinition::parse(&format!("-- highwater: state {category}\n{expression}\n")).unwrap()
}

pub(crate) fn ada() -> Order {
    Order::new("ada", Some("to see"))
}

pub(crate) async fn set(store: &Store, expression: &str) -> StateDefinitionId {
    let definition = definition("order", expression);
    store
        .set_state_definition(&definition, &ada())
        .await
        .unwrap();
    store.state_definition("order").await.unwrap().unwrap().0
}

/// Appends events to a stream, and reads them back.
pub(crate) async fn events(
    store: &Store,
    stream: &str,
    events: &[(&str, Value)],
) -> Vec<RecordedEvent> {
    for part in events.chunks(500) {
        let events = part.iter().map(|(kind, data)| event(kind, data)).collect();
        let append: AppendToStream = append(stream, ExpectedVersion::Any, events);
        store.append(vec![append]).await.unwrap();
    }
    let stream = name(stream);
    let page = store.read_stream(&stream, None, 10_000, Direction::Forward);
    page.await.unwrap().unwrap().events
}

pub(crate) async fn states(
    store: &Store,
    id: StateDefinitionId,
    events: &[RecordedEvent],
) -> Result<Vec<Value>, FoldError> {
    let mut folding = store.fold_by(id).await.unwrap();
    let answered = folding.states(RawValue::NULL, events).await?;
    Ok(answered
        .iter()
        .map(|state| serde_json::from_str(state.get()).unwrap())
        .collect())
}
