//! A read model of totals, its events, and how tests ask for it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::running::{Running, answer};

/// Totals per customer. An order without cents can't be handled.
pub(crate) const TOTALS: &str = "-- highwater: events OrderPlaced, OrderCancelled
-- highwater: describe Totals per customer
-- highwater: tables
create table totals (customer text primary key, orders bigint not null, cents bigint not null);
-- highwater: slice
insert into totals
select data->>'customer', sum(case type when 'OrderPlaced' then 1 else -1 end), sum(case type when 'OrderPlaced' then 1 else -1 end * (data->>'cents')::bigint)
from events group by 1
on conflict (customer) do update set orders = totals.orders + excluded.orders, cents = totals.cents + excluded.cents;
";

/// How long a read model may take to get where it should.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn put(server: &Running, name: &str, text: &str) -> (StatusCode, Value) {
    let path = format!("/api/read-models/{name}");
    answer(server.request("PUT", &path).body(text.to_owned())).await
}

pub(crate) async fn order(server: &Running, what: &str, body: &Value) -> (StatusCode, Value) {
    server
        .post(&format!("/api/read-models/totals/{what}"), body.to_string())
        .await
}

/// Appends one event; its position.
pub(crate) async fn append(server: &Running, stream: &str, event: Value) -> i64 {
    let path = format!("/api/streams/{stream}/events");
    let (status, body) = server.post(&path, json!([event]).to_string()).await;
    assert_eq!(status, 201, "{body}");
    body["last_position"].as_i64().unwrap()
}

/// An order of a customer.
pub(crate) fn placed(customer: &str, cents: &Value) -> Value {
    json!({"type": "OrderPlaced", "data": {"customer": customer, "cents": cents}})
}

/// Two orders of each of three customers in streams of their own, each third cancelled, and events that nobody handles; the last
/// position.
pub(crate) async fn some_orders(server: &Running) -> i64 {
    let mut last = 0;
    for n in 0..6 {
        let data = json!({"customer": format!("c{}", n % 3), "cents": 100 + n});
        let stream = format!("order-{n}");
        let mut events = vec![
            json!({"type": "OrderPlaced", "data": data}),
            json!({"type": "OrderNoted", "data": {}}),
        ];
        if n % 3 == 0 {
            events.push(json!({"type": "OrderCancelled", "data": data}));
        }
        for event in events {
            last = append(server, &stream, event).await;
        }
    }
    last
}

/// Waits through the API until everything up to a position is handled.
pub(crate) async fn handled(server: &Running, position: i64) {
    let (status, answer) = server
        .get(&format!(
            "/api/read-models/totals?wait={position}&timeout=25"
        ))
        .await;
    assert_eq!(
        (status.as_u16(), &answer["handled"]),
        (200, &json!(true)),
        "{answer}"
    );
}

/// Waits until the read model is as it should be.
pub(crate) async fn until(server: &Running, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, read_model) = server.get("/api/read-models/totals").await;
        if is(&read_model) {
            return read_model;
        }
        assert!(tokio::time::Instant::now() < deadline, "{read_model:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
