//! The shop of `highwater serve --demo`: its commands, and its services as processes that an operator stops, slows down and kills.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::Server;
use crate::services::{get, head, post};
use crate::support::api::ask;
use crate::support::database;

const PATIENCE: Duration = Duration::from_mins(1);

/// A server with the shop, so many times faster than usual, in which nobody orders but the test.
pub(crate) async fn open(speed: &str) -> Server {
    let url = database::create().await;
    let demo = ["--demo=0", "--demo-speed", speed];
    let mut arguments = vec!["--database-url", url.as_str()];
    arguments.extend(demo);
    let server = Server::start_with(&arguments).await;
    until(&server, "/api/demo", |demo| {
        let services = demo["services"].as_array().unwrap();
        services.iter().all(|one| one["state"] == "running")
    })
    .await;
    // Its goods are on the shelves, and its readers know what to read.
    let stock = "/api/read-models/stock_levels/rows";
    until(&server, stock, |found| {
        found["rows"].as_array().is_some_and(|rows| rows.len() == 8)
    })
    .await;
    let orders = "/api/read-models/order_progress/rows";
    until(&server, orders, |found| found["rows"].is_array()).await;
    server
}

/// Asks until the answer is as it should be.
pub(crate) async fn until(server: &Server, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, answer) = ask(server.api.request("GET", path)).await.unwrap();
        if is_so(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path}: {answer:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Gives an order that is refused; the status and the problem.
pub(crate) async fn refused(
    server: &Server,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let request = server.api.request(method, path).json(&body);
    let (status, problem) = ask(request).await.unwrap();
    (status.as_u16(), problem)
}

pub(crate) async fn put(server: &Server, path: &str, body: Value) -> Value {
    let (status, answer) = ask(server.api.request("PUT", path).json(&body))
        .await
        .unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn place(server: &Server) -> Value {
    let lamp = json!({ "sku": "lamp-01", "quantity": 1 });
    let body = json!({ "customer": "ada", "city": "Gent", "items": [lamp] });
    post(server, "/api/demo/orders", body).await
}

/// The order as its customer sees it, as soon as it is so.
async fn seen(server: &Server, placed: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let stream = placed["stream"].as_str().unwrap();
    let path = format!("/api/read-models/order_progress/rows?order=order_name&equals={stream}");
    let found = until(server, &path, |answer| {
        answer["rows"][0].is_object() && is_so(&answer["rows"][0])
    });
    found.await["rows"][0].clone()
}

/// An order, and what came of it. The carrier loses one parcel in 200: then another one is sent for.
async fn ended(server: &Server) -> (Value, Value) {
    for _ in 0..3 {
        let placed = place(server).await;
        let ends = seen(server, &placed, |row| !row["ended_at"].is_null());
        if let Ok(row) = tokio::time::timeout(PATIENCE / 3, ends).await {
            return (placed, row);
        }
        let row = seen(server, &placed, |_| true).await;
        assert!(
            row["sent_at"].is_string(),
            "it stands before it is sent: {row}"
        );
    }
    panic!("three parcels in a row are lost");
}

async fn service(server: &Server, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let of = |demo: &Value| -> Value {
        let services = demo["services"].as_array().unwrap();
        services
            .iter()
            .find(|one| one["name"] == name)
            .unwrap()
            .clone()
    };
    of(&until(server, "/api/demo", |demo| is_so(&of(demo))).await)
}

fn is_alive(pid: &Value) -> bool {
    // A process that has ended and waits for its parent has no command line any more.
    let line = Path::new("/proc").join(pid.to_string()).join("cmdline");
    std::fs::read(line).is_ok_and(|line| !line.is_empty())
}

/// As from a terminal.
fn kill_by_hand(pid: &Value) {
    let done = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(done.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_answers_with_a_position_that_the_read_model_comes_to() {
    let server = open("10").await;
    let placed = place(&server).await;
    let position = placed["position"].as_i64().unwrap();
    let path = format!("/api/read-models/order_progress?wait={position}&timeout=20");
    assert_eq!(get(&server, &path).await["handled"], true);
    let first = seen(&server, &placed, |_| true).await;
    assert_eq!(first["total_cents"], 3_900);
    let (placed, ended) = ended(&server).await;
    let stream = placed["stream"].as_str().unwrap();
    let cancel = format!("/api/demo/orders/{stream}/cancel");
    // The bank refuses one payment in a dozen.
    if ended["state"] == "completed" {
        for moment in ["paid_at", "packed_at", "sent_at", "arrived_at"] {
            assert!(ended[moment].is_string(), "{moment}: {ended}");
        }
        let (status, problem) = refused(&server, "POST", &cancel, json!({})).await;
        assert_eq!(status, 409, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("has arrived"), "{detail}");
    } else {
        assert_eq!(ended["state"], "cancelled", "{ended}");
    }

    // The same id twice is one order.
    let id = "0196f2a4-7a3c-7d10-9c9e-5f0b1c2d3e4f";
    let mug = json!({ "sku": "mug-07", "quantity": 2 });
    let body = json!({ "customer": "bo", "city": "Graz", "items": [mug], "id": id });
    let once = post(&server, "/api/demo/orders", body.clone()).await;
    let again = post(&server, "/api/demo/orders", body).await;
    assert_eq!(once["stream"], again["stream"]);
    let stream = once["stream"].as_str().unwrap();
    let path = format!("/api/streams/{stream}/events");
    let events = get(&server, &path).await;
    let all = events["events"].as_array().unwrap();
    let placed = all.iter().filter(|event| event["type"] == "OrderPlaced");
    assert_eq!(placed.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_stopped_holds_up_what_needs_it_and_nothing_else() {
    let server = open("10").await;
    let before = service(&server, "payments", |_| true).await["pid"].clone();
    put(
        &server,
        "/api/demo/services/payments",
        json!({ "state": "stopped" }),
    )
    .await;
    service(&server, "payments", |one| one["state"] == "stopped").await;
    assert!(!is_alive(&before), "{before} lives on");
    let placed = place(&server).await;
    // Who leads orders goes on: it has asked for the payment.
    let stream = placed["stream"].as_str().unwrap();
    let way = stream.replace("order-", "/api/streams/fulfilment-") + "/events";
    until(&server, &way, |answer| {
        let events = answer["events"].as_array();
        events.is_some_and(|events| events.iter().any(|one| one["type"] == "PaymentAsked"))
    })
    .await;
    until(&server, "/api/subscriptions/payments", |one| {
        one["lag"]["matching"]
            .as_i64()
            .is_some_and(|behind| behind > 0)
    })
    .await;

    // Its customer does not wait.
    let path = format!("/api/demo/orders/{stream}/cancel");
    post(&server, &path, json!({ "reason": "found another" })).await;
    put(
        &server,
        "/api/demo/services/payments",
        json!({ "state": "slow" }),
    )
    .await;
    let slow = service(&server, "payments", |one| one["state"] == "slow").await;
    assert!(is_alive(&slow["pid"]), "{slow}");
    let ended = seen(&server, &placed, |row| !row["ended_at"].is_null()).await;
    assert_eq!(ended["state"], "cancelled", "{ended}");
    assert_eq!(ended["reason"], "cancelled by the customer", "{ended}");
    assert!(ended["packed_at"].is_null(), "{ended}");

    let actions = get(&server, "/api/actions").await;
    let said: Vec<&str> = actions
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["subscription"] == "payments" && one["actor"] == "local")
        .filter_map(|one| one["action"].as_str())
        .filter(|action| action.ends_with("_service"))
        .collect();
    assert_eq!(said, ["slow_service", "stop_service"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_comes_back_whoever_killed_it() {
    let mut server = open("10").await;
    let first = service(&server, "shipping", |_| true).await["pid"].clone();
    post(&server, "/api/demo/services/shipping/crash", json!({})).await;
    let crashed = service(&server, "shipping", |one| one["state"] == "crashed").await;
    assert!(crashed["back_at"].is_string(), "{crashed}");
    assert!(!is_alive(&first), "{first} lives on");
    let (status, problem) = refused(
        &server,
        "POST",
        "/api/demo/services/shipping/crash",
        json!({}),
    )
    .await;
    assert_eq!(status, 409, "{problem}");
    // Nobody has to wait for it.
    put(
        &server,
        "/api/demo/services/shipping",
        json!({ "state": "running" }),
    )
    .await;
    let second = service(&server, "shipping", |one| one["state"] == "running").await;
    assert_eq!(second["starts"], 2, "{second}");

    kill_by_hand(&second["pid"]);
    service(&server, "shipping", |one| one["state"] == "crashed").await;
    let third = service(&server, "shipping", |one| one["state"] == "running").await;
    assert_eq!(third["starts"], 3, "it comes back by itself: {third}");
    ended(&server).await;

    // What a server started ends with it, however it ends.
    let demo = get(&server, "/api/demo").await;
    let services = demo["services"].as_array().unwrap().iter();
    let pids: Vec<Value> = services.map(|one| one["pid"].clone()).collect();
    assert!(pids.iter().all(is_alive), "{demo:#}");
    server.kill();
    let deadline = Instant::now() + PATIENCE;
    while pids.iter().any(is_alive) {
        assert!(Instant::now() < deadline, "services outlive their server");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_what_to_do() {
    let server = open("10").await;
    let before = head(&server).await;
    let order = |items: Value| json!({ "customer": "ada", "city": "Gent", "items": items });
    let nothing = json!({});
    for (method, path, body, status, says) in [
        (
            "POST",
            "/api/demo/orders",
            order(json!([])),
            422,
            "1 to 20 lines",
        ),
        (
            "POST",
            "/api/demo/orders",
            order(json!([{ "sku": "moon", "quantity": 1 }])),
            422,
            "it sells lamp-01",
        ),
        (
            "POST",
            "/api/demo/orders",
            json!({ "customer": "ada" }),
            422,
            "missing field",
        ),
        (
            "POST",
            "/api/demo/goods/moon/receive",
            json!({ "pieces": 1 }),
            404,
            "it sells lamp-01",
        ),
        (
            "POST",
            "/api/demo/goods/pen-04/receive",
            json!({ "pieces": 0 }),
            422,
            "give 1 to",
        ),
        (
            "PUT",
            "/api/demo/services/invoices",
            json!({ "state": "slow" }),
            404,
            "it has: customers",
        ),
        (
            "PUT",
            "/api/demo/services/customers",
            json!({ "state": "slow" }),
            409,
            "set the traffic",
        ),
        (
            "PUT",
            "/api/demo/services/stock",
            json!({ "state": "asleep" }),
            422,
            "asleep",
        ),
        (
            "POST",
            "/api/demo/services/invoices/crash",
            nothing,
            404,
            "it has: customers",
        ),
        (
            "PUT",
            "/api/demo/traffic",
            json!({ "orders_per_second": -1.0 }),
            422,
            "give 0 to 50",
        ),
    ] {
        let (said, problem) = refused(&server, method, path, body).await;
        assert_eq!(said, status, "{path}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{path}: {detail}");
    }
    // The last one is no stream's name.
    for order in ["order-none", "stock-pen-04", "order-%C2%93"] {
        let path = format!("/api/demo/orders/{order}/cancel");
        let (said, problem) = refused(&server, "POST", &path, json!({})).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(said == 404 && detail.contains("no order"), "{detail}");
    }
    assert_eq!(head(&server).await, before, "something was appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_order_as_they_are_told() {
    let server = open("10").await;
    let busy = json!({ "orders_per_second": 20.0, "pattern": "bursty" });
    assert_eq!(put(&server, "/api/demo/traffic", busy.clone()).await, busy);
    let path = "/api/events?limit=1000&filter=type:OrderPlaced";
    until(&server, path, |found| {
        found["events"].as_array().unwrap().len() > 20
    })
    .await;
}
