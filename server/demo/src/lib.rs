//! A shop of event-driven services (orders, payments, stock, shipping) that appends believable events, written as a user would
//! write it: with the store's public API and nothing else.
//!
//! # Adding a step to an order's way
//! A variant of `Step` in `shop.rs`: what it appends stands in `take`, what follows from it in `react`.
//!
//! # Adding a read model
//! A `.sql` file in `read_models`, and its line in `read_models.rs`; `tests/read_models.rs` checks it. The state of an aggregate is the
//! same in `states` and `state_definitions.rs`.

mod chance;
mod read_models;
mod shop;
mod state_definitions;

use std::time::Duration;

use highwater_engine::ReadModels;
use highwater_model::{FlowRuleBody, StateDefinition};
use highwater_store::read_models::{Order, ReadModelError};
use highwater_store::{Store, StoreError, Tasks};

pub use read_models::{FIXED, READ_MODELS, ReadModelFile};
pub use shop::Shop;
pub use state_definitions::STATE_DEFINITIONS;

/// What an order's flow begins with.
const ORDER_KIND: &str = "OrderPlaced";
/// The slowest steps together take 22 s; an order that is under way for much longer is lost.
const ORDER_WITHIN_MS: i64 = 60_000;

/// Starts the shop as a task, with its read models. An empty store and the same seed give the same events with the same ids; a store that has events gets
/// others, so that a second start adds to the first.
pub fn run(
    store: Store,
    read_models: ReadModels,
    events_per_second: f64,
    seed: u64,
    tasks: &Tasks,
) {
    let token = tasks.token();
    tasks.spawn("demo", async move {
        let shop = async {
            define(&store, &read_models).await;
            rule_orders(&store).await;
            keep_shop(&store, events_per_second, seed).await;
        };
        tokio::select! {
            () = token.cancelled() => {}
            () = shop => {}
        }
    });
}

/// Takes in the shop's read models and states. One that is there already stays as it is: an operator may have rebuilt it to another version.
pub async fn define(store: &Store, read_models: &ReadModels) {
    let order = Order::new("demo", Some("the shop's own read model"));
    for (name, text) in READ_MODELS {
        let defined = match store.read_model(name).await {
            Ok(_) => continue,
            Err(ReadModelError::Unknown { .. }) => {
                read_models.put(name, text, &order).await.map(drop)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = defined {
            tracing::warn!(%error, read_model = name, "the demo goes on without this read model");
        }
    }
    define_states(store).await;
}

/// Takes in what the states of the shop's aggregates are; a category that has a definition keeps it.
async fn define_states(store: &Store) {
    let order = Order::new("demo", Some("the shop's own state"));
    for text in STATE_DEFINITIONS {
        if let Err(error) = define_state(store, text, &order).await {
            tracing::warn!(%error, "the demo goes on without a definition of a state");
        }
    }
}

async fn define_state(store: &Store, text: &str, order: &Order) -> Result<(), ReadModelError> {
    let definition = StateDefinition::parse(text)?;
    let there = store.state_definition(&definition.category).await?;
    if there.is_none() {
        store.set_state_definition(&definition, order).await?;
    }
    Ok(())
}

/// Says when an order's flow is finished, unless somebody has said so already.
async fn rule_orders(store: &Store) {
    let rule = FlowRuleBody {
        ends: vec!["OrderCompleted".to_owned(), "OrderCancelled".to_owned()],
        within_ms: Some(ORDER_WITHIN_MS),
        reason: None,
    };
    let order = Order::new("demo", Some("the shop's own rule"));
    let written = match store.flow_rule(ORDER_KIND).await {
        Ok(Some(_)) => return,
        Ok(None) => store.set_flow_rule(ORDER_KIND, &rule, &order).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::warn!(%error, "the demo goes on without a rule for its orders");
    }
}

async fn keep_shop(store: &Store, events_per_second: f64, seed: u64) {
    let start = loop {
        match store.mark().await {
            Ok(mark) => break mark.position.0.unsigned_abs(),
            Err(error) => {
                tracing::warn!(%error, "the demo waits for the store");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    };
    let events_per_second = if events_per_second.is_finite() {
        events_per_second.clamp(0.01, 10_000.0)
    } else {
        20.0
    };
    let mut shop = Shop::new(
        seed ^ start.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        events_per_second,
    );
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / events_per_second));
    // After a stall the shop goes on at its pace; it does not catch up with a burst.
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        append(store, shop.next_append()).await;
    }
}

/// Appends until the store takes it: the event has an id, so a retry records it once.
async fn append(store: &Store, append: highwater_model::AppendToStream) {
    loop {
        match store.append(vec![append.clone()]).await {
            Ok(_) => return,
            Err(
                error @ (StoreError::Conflict { .. }
                | StoreError::IdReused { .. }
                | StoreError::Limit(_)
                | StoreError::BadMetadata { .. }),
            ) => {
                tracing::warn!(%error, stream = %append.stream, "the demo's event was refused and is left out");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the demo waits for the store");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
