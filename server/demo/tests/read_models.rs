//! The shop's read models on the shop's own events.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

use std::time::Duration;

use highwater_demo::services::aggregate::Aggregate;
use highwater_demo::services::fulfilment::{Fulfilment, FulfilmentCommand};
use highwater_demo::services::step::Step;
use highwater_demo::{FIXED, OPEN_FULFILMENTS, READ_MODELS, STATE_DEFINITIONS, Shop};
use highwater_engine::{ReadModelOptions, ReadModels, States};
use highwater_model::{Definition, StateBy, StateDefinition, StreamName};
use highwater_postgres::scratch::Scratch;
use highwater_store::read_models::Order;
use highwater_store::{Ids, Store, StoreOptions, StreamQuery, Tasks};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Enough for orders that are completed, refused and out of stock.
const EVENTS: usize = 1_500;

async fn shop(tasks: &Tasks) -> (Store, String) {
    let name = format!("t_{}", Ids.random().simple());
    let mut admin = PgConnection::connect(&Scratch::get().url_for("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut admin)
        .await
        .unwrap();
    let url = Scratch::get().url_for(&name);
    let store = Store::open(&url, StoreOptions::default(), tasks)
        .await
        .unwrap();
    let mut shop = Shop::new(1, 20.0);
    for _ in 0..EVENTS {
        store.append(vec![shop.next_append()]).await.unwrap();
    }
    (store, url)
}

async fn define(store: &Store, read_models: &ReadModels) {
    let order = Order::new("ada", None);
    for (name, text) in READ_MODELS {
        read_models.put(name, text, &order).await.unwrap();
    }
    for (category, text) in STATE_DEFINITIONS {
        let definition = StateDefinition::parse(text).unwrap();
        assert_eq!(definition.category, category);
        store
            .set_state_definition(&definition, &order)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn no_read_model_depends_on_how_the_log_is_sliced() {
    let (store, _) = shop(&Tasks::new()).await;
    for (name, text) in READ_MODELS.into_iter().chain(FIXED) {
        let definition = Definition::parse(name, text).unwrap();
        let most = i32::try_from(EVENTS).unwrap();
        let report = store.check_slicing(&definition, most, 7).await.unwrap();
        assert_eq!(report.differences, [], "{name}");
        assert!(report.events > 10, "{name}: {} events", report.events);
    }
}

#[tokio::test]
async fn first_revenue_counts_cancelled_orders_and_the_second_does_not() {
    let tasks = Tasks::new();
    let (store, url) = shop(&tasks).await;
    let read_models = ReadModels::start(store.clone(), &tasks, ReadModelOptions::default());
    define(&store, &read_models).await;
    let order = Order::new("ada", None);
    let (_, fixed) = FIXED[0];
    read_models
        .put("revenue_fixed", fixed, &order)
        .await
        .unwrap();
    let head = store.mark().await.unwrap().position;
    for name in READ_MODELS
        .into_iter()
        .map(|(name, _)| name)
        .chain(["revenue_fixed"])
    {
        let handled = read_models.wait_until_handled(name, head, Duration::from_mins(1));
        assert!(handled.await.unwrap().handled, "{name}");
    }
    let mut database = PgConnection::connect(&url).await.unwrap();
    let wrong: Vec<String> = sqlx::query_scalar(
        "select order_name from revenue_by_day.orders except select order_name from revenue_fixed.orders order by 1",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let cancelled: Vec<String> = sqlx::query_scalar(
        "select order_name from orders_by_state.orders where state = 'cancelled' order by 1",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    assert_eq!(wrong, cancelled);
    assert!(!wrong.is_empty());
    let sums_are_right: bool = sqlx::query_scalar(
        "select (select sum(cents) from revenue_fixed.revenue) = (select sum(cents) from orders_by_state.orders where state <> 'cancelled')
           and (select sum(cents) from revenue_by_day.revenue) = (select sum(cents) from orders_by_state.orders)",
    )
    .fetch_one(&mut database)
    .await
    .unwrap();
    assert!(sums_are_right);
    tasks.shutdown().await;
}

/// Two ways to the same answer: the state that a definition folds, and the row that a read model keeps.
#[tokio::test]
async fn the_state_of_an_order_says_what_its_read_model_says() {
    let tasks = Tasks::new();
    let (store, url) = shop(&tasks).await;
    let read_models = ReadModels::start(store.clone(), &tasks, ReadModelOptions::default());
    define(&store, &read_models).await;
    let head = store.mark().await.unwrap().position;
    let handled = read_models.wait_until_handled("orders_by_state", head, Duration::from_mins(1));
    assert!(handled.await.unwrap().handled);
    let handled = read_models.wait_until_handled("stock_levels", head, Duration::from_mins(1));
    assert!(handled.await.unwrap().handled);
    let mut database = PgConnection::connect(&url).await.unwrap();
    let orders: Vec<(String, String, Option<String>, i64)> =
        sqlx::query_as("select order_name, state, reason, cents from orders_by_state.orders")
            .fetch_all(&mut database)
            .await
            .unwrap();
    assert!(orders.len() > 100, "{} orders", orders.len());
    let states = States::new(store.clone());
    let state_of = async |stream: &str| -> Value {
        let stream = StreamName::new(stream).unwrap();
        let found = states.at(&stream, None, None).await.unwrap();
        assert_eq!(found.by, StateBy::Definition, "{:?}", found.definition);
        serde_json::from_str(found.state.get()).unwrap()
    };
    for (order, status, reason, cents) in orders.iter().take(60) {
        let state = state_of(order).await;
        assert_eq!(state["status"], **status, "{order}: {state}");
        assert_eq!(state["total_cents"], *cents, "{order}: {state}");
        assert_eq!(
            state["reason"].as_str(),
            reason.as_deref(),
            "{order}: {state}"
        );
    }
    for stream in store.streams(StreamQuery::default()).await.unwrap().streams {
        let state = state_of(stream.stream.as_str()).await;
        let told = if stream.category == "stock" {
            "available"
        } else {
            "status"
        };
        assert!(!state[told].is_null(), "{}: {state}", stream.stream);
    }
}

/// Appends what a fulfilment decides, one command after the other.
async fn fulfil(store: &Store, stream: &str, commands: &[FulfilmentCommand]) {
    let mut fulfilment = Fulfilment::default();
    for command in commands {
        for draft in fulfilment.decide(command).unwrap() {
            fulfilment.evolve(draft.event_type, &draft.data);
            let event = json!({"type": draft.event_type, "data": draft.data});
            let append = json!({"stream": stream, "events": [event]});
            let append = serde_json::from_value(append).unwrap();
            store.append(vec![append]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn open_fulfilments_are_those_that_have_not_ended_with_what_they_wait_for() {
    let tasks = Tasks::new();
    let (store, url) = shop(&tasks).await;
    let start = |order: &str| FulfilmentCommand::Start {
        order: order.to_owned(),
        facts: json!({"items": [{"sku": "mug-07", "quantity": 1}], "total_cents": 1250}),
    };
    let note = |answer: &str| FulfilmentCommand::Note {
        answer: answer.to_owned(),
        sku: String::new(),
    };
    let paid = || note("PaymentAuthorized");
    fulfil(&store, "fulfilment-1", &[start("order-1")]).await;
    fulfil(&store, "fulfilment-2", &[start("order-2"), paid()]).await;
    let late = FulfilmentCommand::TimeOut(Step::Goods);
    fulfil(&store, "fulfilment-3", &[start("order-3"), paid(), late]).await;
    let refused = note("PaymentRefused");
    fulfil(&store, "fulfilment-4", &[start("order-4"), refused]).await;
    let confirmed = [start("order-5"), paid(), note("StockReserved")];
    fulfil(&store, "fulfilment-5", &confirmed).await;

    let (name, text) = OPEN_FULFILMENTS;
    let definition = Definition::parse(name, text).unwrap();
    let most = i32::try_from(EVENTS).unwrap();
    let report = store.check_slicing(&definition, most, 7).await.unwrap();
    assert_eq!(report.differences, []);

    let read_models = ReadModels::start(store.clone(), &tasks, ReadModelOptions::default());
    let order = Order::new("ada", None);
    read_models.put(name, text, &order).await.unwrap();
    let head = store.mark().await.unwrap().position;
    let handled = read_models.wait_until_handled(name, head, Duration::from_mins(1));
    assert!(handled.await.unwrap().handled);
    let mut database = PgConnection::connect(&url).await.unwrap();
    let sql = "select fulfilment, waits_for, since_ms is not null from open_fulfilments.fulfilments order by 1";
    let rows: Vec<(String, String, bool)> =
        sqlx::query_as(sql).fetch_all(&mut database).await.unwrap();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.0.as_str(), row.1.as_str(), row.2))
        .collect();
    assert_eq!(
        rows,
        [
            ("fulfilment-1", "payment", true),
            ("fulfilment-2", "goods", true),
            ("fulfilment-3", "cancellation", false),
            ("fulfilment-5", "confirmation", false),
        ]
    );
    tasks.shutdown().await;
}
