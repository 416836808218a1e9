//! Read models through the API: the whole life of one, and orders that come twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::{Running, answer};
use crate::support::socket;

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

/// What the totals must be: a fold of the log.
async fn fold(server: &Running) -> BTreeMap<String, (i64, i64)> {
    let mut totals: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for line in server.export().await.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let sign = match event["type"].as_str().unwrap() {
            "OrderPlaced" => 1,
            "OrderCancelled" => -1,
            _ => continue,
        };
        let Some(cents) = event["data"]["cents"].as_i64() else {
            continue;
        };
        let customer = event["data"]["customer"].as_str().unwrap().to_owned();
        let total = totals.entry(customer).or_default();
        *total = (total.0 + sign, total.1 + sign * cents);
    }
    totals
}

/// What they are.
async fn rows(server: &Running) -> BTreeMap<String, (i64, i64)> {
    let (status, page) = server.get("/api/read-models/totals/rows").await;
    assert_eq!(status, 200, "{page}");
    let rows = page["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let number = |name: &str| row[name].as_i64().unwrap();
            (
                row["customer"].as_str().unwrap().to_owned(),
                (number("orders"), number("cents")),
            )
        })
        .collect()
}

/// What the audit log tells: actions with their reasons, the newest first.
async fn story(server: &Running) -> Vec<(String, String)> {
    let (_, actions) = server.get("/api/actions?read_model=totals").await;
    let actions = actions.as_array().unwrap();
    let text = |action: &Value, field: &str| action[field].as_str().unwrap_or_default().to_owned();
    assert!(
        actions
            .iter()
            .all(|action| action["actor"] == "local" && action["outcome"] == "done"),
        "{actions:?}"
    );
    actions
        .iter()
        .map(|action| (text(action, "action"), text(action, "reason")))
        .collect()
}

fn told(story: &[(&str, &str)]) -> Vec<(String, String)> {
    story
        .iter()
        .map(|&(action, reason)| (action.to_owned(), reason.to_owned()))
        .collect()
}

#[tokio::test]
async fn read_model_is_defined_and_redefined_paused_and_resumed() {
    let server = Running::start().await;
    let last = some_orders(&server).await;
    let (status, defined) = put(&server, "totals", TOTALS).await;
    assert_eq!(
        (status.as_u16(), &defined["outcome"]),
        (201, &json!("started")),
        "{defined}"
    );
    handled(&server, last).await;
    assert_eq!(rows(&server).await, fold(&server).await);
    let (_, read_model) = server.get("/api/read-models/totals").await;
    assert_eq!(
        (
            &read_model["describe"],
            &read_model["versions"][0]["events"]
        ),
        (
            &json!("Totals per customer"),
            &json!(["OrderPlaced", "OrderCancelled"])
        )
    );
    let (_, listed) = server.get("/api/read-models").await;
    assert_eq!(listed[0]["versions"], read_model["versions"]);
    let (status, defined) = put(&server, "totals", TOTALS).await;
    assert_eq!(
        (status.as_u16(), &defined["outcome"]),
        (200, &json!("unchanged")),
        "{defined}"
    );
    let changed = TOTALS.replace("Totals per", "What was sold per");
    let (status, defined) = put(&server, "totals?reason=better+words", &changed).await;
    assert_eq!(
        (status.as_u16(), &defined["outcome"]),
        (202, &json!("waiting")),
        "{defined}"
    );

    let (status, paused) = order(&server, "pause", &json!({"reason": "a look"})).await;
    assert_eq!(
        (status.as_u16(), &paused["state"]),
        (200, &json!("paused")),
        "{paused}"
    );
    assert_eq!(paused["reason"], "by local: a look");
    let late = append(&server, "order-9", placed("c9", &json!(5))).await;
    let (_, answer) = server
        .get(&format!("/api/read-models/totals?wait={late}&timeout=1"))
        .await;
    assert_eq!(answer["handled"], false, "{answer}");
    let (_, answer) = server
        .get(&format!("/api/read-models/totals?position={last}"))
        .await;
    assert_eq!(
        (&answer["handled"], &answer["checkpoint"]),
        (&json!(true), &json!(last))
    );
    let (status, resumed) = order(&server, "resume", &json!({})).await;
    assert_eq!(status, 200, "{resumed}");
    handled(&server, late).await;
    assert_eq!(rows(&server).await, fold(&server).await);
    assert_eq!(
        story(&server).await,
        told(&[
            ("resume", ""),
            ("pause", "a look"),
            ("define", "better words"),
            ("define", "")
        ])
    );
    let (_, history) = server.get("/api/read-models/totals/lag?step=1").await;
    assert!(
        history
            .as_array()
            .unwrap()
            .iter()
            .all(|point| point["matching"].is_i64()),
        "{history}"
    );
}

#[tokio::test]
async fn event_that_fails_is_retried_and_skipped_on_record() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    append(&server, "order-9", placed("c9", &json!(5))).await;
    let bad = append(&server, "order-9", placed("c9", &json!("many"))).await;
    let after = append(&server, "order-9", placed("c9", &json!(7))).await;
    let faulted = until(&server, |read_model| read_model["state"] == "faulted").await;
    assert_eq!(faulted["stands_on"]["position"], bad, "{faulted}");
    let (_, failures) = server.get("/api/read-models/totals/failures").await;
    assert_eq!(
        (
            &failures[0]["position"],
            &failures[0]["sqlstate"],
            &failures[0]["outcome"]
        ),
        (&json!(bad), &json!("22P02"), &json!("open"))
    );
    is_refused(
        order(&server, "resume", &json!({})).await,
        409,
        "refused",
        &["retry that event or skip it"],
    );
    let (status, _) = order(&server, &format!("failures/{bad}/retry"), &json!({})).await;
    assert_eq!(status, 200);
    until(&server, |read_model| {
        read_model["stands_on"]["attempts"] == 2 && read_model["state"] == "faulted"
    })
    .await;
    let skip = format!("failures/{bad}/skip");
    let refused = order(&server, &skip, &json!({})).await;
    is_refused(refused, 422, "reason_missing", &["reason"]);
    let (status, skipped) = order(&server, &skip, &json!({"reason": "cents are no number"})).await;
    assert_eq!(status, 200, "{skipped}");
    handled(&server, after).await;
    assert_eq!(
        rows(&server).await,
        fold(&server).await,
        "all but the one that was left out"
    );
    let (_, failures) = server.get("/api/read-models/totals/failures").await;
    assert_eq!(failures[0]["outcome"], "skipped");
    assert_eq!(
        story(&server).await,
        told(&[
            ("skip", "cents are no number"),
            ("retry", ""),
            ("define", "")
        ])
    );
    for (position, handled) in [(bad, false), (after, true)] {
        let (_, page) = server
            .get(&format!("/api/events?after={}&limit=1", position - 1))
            .await;
        let id = page["events"][0]["id"].as_str().unwrap();
        let (_, event) = server.get(&format!("/api/events/{id}")).await;
        assert_eq!(
            event["handled_by"],
            json!([{"name": "totals", "handled": handled}])
        );
    }
}

#[tokio::test]
async fn of_two_who_order_the_same_the_second_is_told_what_happened() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let bad = append(
        &server,
        "order-1",
        json!({"type": "OrderPlaced", "data": {"customer": "c", "cents": "many"}}),
    )
    .await;
    until(&server, |read_model| read_model["state"] == "faulted").await;
    let skip = format!("failures/{bad}/skip");
    for (what, reason) in [
        (&*skip, "left out"),
        ("pause", "a look"),
        ("resume", "seen"),
    ] {
        let body = json!({"reason": reason});
        let (one, other) = tokio::join!(order(&server, what, &body), order(&server, what, &body));
        let (first, second) = if one.0 == 200 {
            (one, other)
        } else {
            (other, one)
        };
        assert_eq!(first.0, 200, "{what}: {}", first.1);
        is_refused(second, 409, "refused", &["nothing was changed"]);
    }
    let (_, actions) = server.get("/api/actions?read_model=totals&limit=3").await;
    let told: Vec<_> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| &action["action"])
        .collect();
    assert_eq!(told, ["resume", "pause", "skip"], "each once");
}

#[tokio::test]
async fn lag_is_said_at_once_and_when_something_moved() {
    let server = Running::start().await;
    let mut socket = socket::open(&server.address).await.unwrap();
    socket::say(&mut socket, &json!({"subscribe": "lag", "id": 4}))
        .await
        .unwrap();
    assert_eq!(
        socket::hear(&mut socket).await.unwrap().unwrap(),
        json!({"id": 4, "lag": []})
    );
    put(&server, "totals", TOTALS).await;
    let last = some_orders(&server).await;
    let mut said_at: Option<Instant> = None;
    let mut hear = async |is: &dyn Fn(&Value) -> bool| {
        for _ in 0..20 {
            let message = socket::hear(&mut socket).await.unwrap().unwrap();
            let since = said_at
                .replace(Instant::now())
                .map(|said_at| said_at.elapsed());
            assert!(
                since.is_none_or(|since| since > Duration::from_millis(500)),
                "once a second at most"
            );
            if is(&message["lag"][0]) {
                return message;
            }
        }
        panic!("it was never said");
    };
    let caught_up = hear(&|lag| lag["checkpoint"] == last).await;
    assert_eq!(
        (&caught_up["id"], &caught_up["lag"][0]["lag"]["matching"]),
        (&json!(4), &json!(0))
    );
    order(&server, "pause", &json!({"reason": "a look"})).await;
    hear(&|lag| lag["state"] == "paused" && lag["reason"] == "by local: a look").await;
    some_orders(&server).await;
    hear(&|lag| lag["lag"]["matching"] == 8).await;
}
