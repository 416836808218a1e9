//! The shop's services as processes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Process, Server, command};
use crate::support::api::ask;

/// All that have a subscription.
pub(crate) const SERVICES: [&str; 6] = [
    "orders",
    "payments",
    "stock",
    "shipping",
    "notifications",
    "fulfilment",
];
/// How much faster than usual.
const SPEED: &str = "20";
/// How long the shop may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(90);

/// `highwater demo …` on this server.
pub(crate) fn start(server: &Server, which: &str, more: &[&str]) -> Process {
    let mut demo = command();
    let url = format!("http://{}", server.api.address);
    demo.args(["demo", which, "--url", &url, "--speed", SPEED])
        .args(["--acknowledge-within", "2", "--log", "warn"])
        .args(more);
    Process(demo.spawn().unwrap())
}

/// Asks for something that there is.
pub(crate) async fn get(server: &Server, path: &str) -> Value {
    let (status, answer) = ask(server.api.request("GET", path)).await.unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Orders something that is done.
pub(crate) async fn post(server: &Server, path: &str, body: Value) -> Value {
    let request = server.api.request("POST", path).json(&body);
    let (status, answer) = ask(request).await.unwrap();
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// The newest position.
pub(crate) async fn head(server: &Server) -> i64 {
    let page = get(server, "/api/events?limit=1").await;
    page["head"].as_i64().unwrap()
}

/// Waits until these services have handled everything, and nothing is added any more.
pub(crate) async fn rest(server: &Server, services: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    let mut before = (-1, 0);
    loop {
        let now = head(server).await;
        let found = get(server, "/api/subscriptions").await;
        let of = |name: &&str| {
            let mut all = found.as_array().unwrap().iter();
            all.find(|one| one["name"] == **name)
        };
        let is_level = |name: &&str| {
            of(name).is_some_and(|one| {
                assert_eq!(one["parked"], 0, "{one}");
                one["checkpoint"].as_i64() == Some(now)
            })
        };
        // A read model or a look of the process manager may still bring something.
        // Not there until a process manager has lived for a moment.
        let open = "/api/read-models/open_fulfilments/rows";
        let (_, open) = ask(server.api.request("GET", open)).await.unwrap();
        let is_over = open["rows"] == json!([]) && services.iter().all(is_level);
        before = if is_over && before.0 == now {
            (now, before.1 + 1)
        } else {
            (now, 0)
        };
        if before.1 > 10 {
            return;
        }
        assert!(Instant::now() < deadline, "at {now}: {found:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until so many orders were placed.
pub(crate) async fn placed(server: &Server, orders: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = get(server, "/api/events?limit=1000&filter=type:OrderPlaced").await;
        if found["events"].as_array().unwrap().len() >= orders {
            return;
        }
        assert!(Instant::now() < deadline, "customers don't order");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Has everything delivered to a service once more.
pub(crate) async fn replay(server: &Server, service: &str) {
    let path = format!("/api/subscriptions/{service}/replay");
    let order = json!({ "position": 1, "reason": "a test of what comes twice" });
    post(server, &path, order).await;
}
