//! Subscriptions through the API and the WebSocket.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::{Running, answer};
use crate::support::socket::{self, Socket};

async fn placed(server: &Running, stream: &str, count: i64) {
    let events: Vec<Value> = (0..count)
        .map(|n| json!({"type": "OrderPlaced", "data": {"n": n}}))
        .collect();
    let path = format!("/api/streams/{stream}/events");
    let (status, body) = server.post(&path, Value::from(events).to_string()).await;
    assert_eq!(status, 201, "{body}");
}

async fn made(server: &Running, body: Value) {
    let (status, answer) = server
        .put("/api/subscriptions/mailer", body.to_string())
        .await;
    assert_eq!(status, 201, "{answer}");
}

async fn fetch(server: &Running, body: Value) -> Value {
    let (status, answer) = server
        .post("/api/subscriptions/mailer/fetch", body.to_string())
        .await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn remove(server: &Running, query: &str) -> (reqwest::StatusCode, Value) {
    answer(server.request("DELETE", &format!("/api/subscriptions/mailer{query}"))).await
}

async fn now(server: &Running) -> Value {
    server.get("/api/subscriptions/mailer").await.1
}

fn positions(message: &Value) -> Vec<i64> {
    let deliveries = message["deliveries"].as_array().unwrap();
    deliveries
        .iter()
        .map(|delivery| delivery["event"]["position"].as_i64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_fetches_acknowledges_and_fails() {
    let server = Running::start().await;
    placed(&server, "order-1", 2).await;
    placed(&server, "order-2", 1).await;
    made(
        &server,
        json!({"filter": "type:OrderPlaced", "attempts": 1}),
    )
    .await;
    let (status, same) = server.put("/api/subscriptions/mailer", "").await;
    assert_eq!(
        (status.as_u16(), &same["filter"]),
        (200, &json!("type:OrderPlaced"))
    );

    let first = fetch(&server, json!({"member": "a"})).await;
    assert_eq!(positions(&first), [1, 3]);
    assert_eq!(first["deliveries"][0]["attempt"], 1);
    assert_eq!(first["deliveries"][0]["event"]["data"], json!({"n": 0}));
    let said = json!({"member": "a", "acknowledge": [1], "failed": [{"position": 3, "error": "no such address"}]});
    assert_eq!(positions(&fetch(&server, said).await), [2]);
    let (status, answer) = server
        .post(
            "/api/subscriptions/mailer/acknowledge",
            json!({"member": "a", "acknowledge": [2, 3]}).to_string(),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({"acknowledged": 1, "failed": 0, "not_held": [3]})
    );

    let level = now(&server).await;
    assert_eq!(
        (&level["checkpoint"], &level["parked"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(level["members"][0]["way"], "http");
    let (_, parked) = server.get("/api/subscriptions/mailer/parked").await;
    assert_eq!(parked[0]["error"], "no such address");
    assert_eq!(parked[0]["stream"], "order-2");
    let (status, answer) = server
        .post("/api/subscriptions/mailer/parked/retry", "")
        .await;
    assert_eq!((status.as_u16(), answer), (200, json!({"events": 1})));
    let again = fetch(&server, json!({"member": "b", "wait_s": 5})).await;
    assert_eq!(positions(&again), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_gives_back_what_it_has_and_that_is_no_failure() {
    let server = Running::start().await;
    placed(&server, "order-1", 1).await;
    made(&server, json!({})).await;
    assert_eq!(
        positions(&fetch(&server, json!({"member": "a"})).await),
        [1]
    );
    let waiting = fetch(&server, json!({"member": "b", "wait_s": 20}));
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let release = "/api/subscriptions/mailer/release";
        let (status, _) = server.post(release, r#"{"member": "a"}"#).await;
        assert_eq!(status, 204);
        is_refused(
            server.post(release, "{}").await,
            422,
            "bad_fields",
            &["member"],
        );
    };
    let (taken, ()) = tokio::join!(waiting, leaving);
    assert_eq!(
        (positions(&taken), &taken["deliveries"][0]["attempt"]),
        (vec![1], &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_of_an_event_as_soon_as_it_is_recorded() {
    let server = Running::start().await;
    made(&server, json!({})).await;
    let waiting = fetch(&server, json!({"member": "a", "wait_s": 20}));
    let appending = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        placed(&server, "order-1", 1).await;
    };
    let began = Instant::now();
    let (found, ()) = tokio::join!(waiting, appending);
    assert_eq!(positions(&found), [1]);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    // With nothing there it ends when its time is over.
    let nothing = fetch(&server, json!({"member": "b", "wait_s": 1})).await;
    assert_eq!(positions(&nothing), [0_i64; 0]);
}

/// A member over a WebSocket.
async fn member(server: &Running, name: &str, at_most: i64) -> Socket {
    let mut socket = socket::open(&server.address).await.unwrap();
    let subscribe = json!({"subscribe": "subscription", "id": 1, "name": "mailer", "member": name, "at_most": at_most});
    socket::say(&mut socket, &subscribe).await.unwrap();
    socket
}

async fn hear(socket: &mut Socket) -> Value {
    socket::hear(socket).await.unwrap().expect("it closed")
}

async fn say(socket: &mut Socket, message: Value) {
    socket::say(socket, &message).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_over_the_websocket_and_one_takes_over_from_another() {
    let server = Running::start().await;
    made(&server, json!({})).await;
    let mut first = member(&server, "a", 2).await;
    placed(&server, "order-1", 2).await;
    assert_eq!(positions(&hear(&mut first).await), [1]);
    placed(&server, "order-2", 1).await;
    assert_eq!(
        positions(&hear(&mut first).await),
        [3],
        "at most two are out"
    );
    placed(&server, "order-3", 1).await;
    let mut second = member(&server, "b", 10).await;
    assert_eq!(positions(&hear(&mut second).await), [4]);

    say(&mut first, json!({"acknowledge": 1, "positions": [1, 4]})).await;
    assert_eq!(hear(&mut first).await, json!({"id": 1, "not_held": [4]}));
    assert_eq!(positions(&hear(&mut first).await), [2]);
    // Without a word: as if its process was killed.
    drop(first);
    let taken = hear(&mut second).await;
    assert_eq!(
        positions(&taken),
        [3],
        "what it was not at yet comes at once"
    );
    let taken = hear(&mut second).await;
    assert_eq!(positions(&taken), [2]);
    assert_eq!(
        taken["deliveries"][0]["attempt"], 2,
        "it may be what it died of"
    );
    say(&mut second, json!({"acknowledge": 1, "positions": [2, 3], "failed": [{"position": 4, "error": "later"}]})).await;
    let again = hear(&mut second).await;
    assert_eq!(
        (positions(&again), &again["deliveries"][0]["attempt"]),
        (vec![4], &json!(2))
    );
    say(&mut second, json!({"acknowledge": 1, "positions": [4]})).await;
    let level = async || now(&server).await["checkpoint"] == 4;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !level().await {
        assert!(Instant::now() < deadline, "{}", now(&server).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_pauses_replays_skips_and_removes() {
    let server = Running::start().await;
    placed(&server, "order-1", 3).await;
    made(&server, json!({})).await;
    let of = |what: &str| format!("/api/subscriptions/mailer/{what}");
    let mut socket = member(&server, "a", 10).await;
    for position in 1..=3 {
        assert_eq!(positions(&hear(&mut socket).await), [position]);
        say(
            &mut socket,
            json!({"acknowledge": 1, "positions": [position]}),
        )
        .await;
    }
    let (status, paused) = server
        .post(&of("pause"), r#"{"reason": "mail is down"}"#)
        .await;
    assert_eq!((status.as_u16(), &paused["state"]), (200, &json!("paused")));
    is_refused(server.post(&of("pause"), "").await, 409, "refused", &[]);
    let (_, plan) = server.get(&of("plan?position=2")).await;
    assert_eq!(
        plan,
        json!({"checkpoint": 3, "to": 1, "matching": 2, "capped": false})
    );
    is_refused(
        server.post(&of("replay"), r#"{"position": 2}"#).await,
        422,
        "reason_missing",
        &[],
    );
    let replay = json!({"position": 2, "reason": "they never arrived"}).to_string();
    let (status, now) = server.post(&of("replay"), replay).await;
    assert_eq!((status.as_u16(), &now["checkpoint"]), (200, &json!(1)));
    let (status, _) = server.post(&of("resume"), "").await;
    assert_eq!(status, 200);
    assert_eq!(positions(&hear(&mut socket).await), [2]);
    let skip = json!({"position": 3, "reason": "they did arrive"}).to_string();
    let (status, now) = server.post(&of("skip"), skip).await;
    assert_eq!((status.as_u16(), &now["checkpoint"]), (200, &json!(3)));
    is_refused(remove(&server, "").await, 422, "reason_missing", &[]);
    let (status, _) = remove(&server, "?reason=nobody%20reads%20it").await;
    assert_eq!(status, 204);
    let gone = hear(&mut socket).await;
    assert_eq!(
        (&gone["id"], &gone["error"]["status"]),
        (&json!(1), &json!(404))
    );
    let (_, actions) = server.get("/api/actions?subscription=mailer").await;
    let told: Vec<&str> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        ["remove", "skip", "resume", "replay", "pause", "define"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_with_what_would_be_right() {
    let server = Running::start().await;
    let put = async |name: &str, body: &str| {
        server
            .put(&format!("/api/subscriptions/{name}"), body)
            .await
    };
    is_refused(
        put("a%20b", "{}").await,
        422,
        "bad_name",
        &["letters, digits"],
    );
    is_refused(
        put("a", r#"{"filter": "type:"}"#).await,
        400,
        "bad_filter",
        &[],
    );
    is_refused(
        put("a", r#"{"color": "red"}"#).await,
        422,
        "bad_fields",
        &[],
    );
    is_refused(
        put("a", r#"{"attempts": 0}"#).await,
        422,
        "bad_subscription",
        &["1 to 100"],
    );
    is_refused(
        put("a", r#"{"from": {"position": 12}}"#).await,
        422,
        "bad_subscription",
        &["\"end\""],
    );
    is_refused(
        server.get("/api/subscriptions/a").await,
        404,
        "not_found",
        &[],
    );
    is_refused(
        server
            .post("/api/subscriptions/a/fetch", r#"{"member": "b"}"#)
            .await,
        404,
        "not_found",
        &[],
    );
    made(&server, json!({})).await;
    let fetch = async |body: &str| server.post("/api/subscriptions/mailer/fetch", body).await;
    is_refused(fetch("").await, 400, "bad_json", &[]);
    is_refused(fetch("{}").await, 422, "bad_fields", &[]);
    is_refused(fetch(r#"{"member": "a b"}"#).await, 422, "bad_name", &[]);
    is_refused(
        fetch(r#"{"member": "a", "at_most": 0}"#).await,
        422,
        "bad_fields",
        &[],
    );
    is_refused(
        fetch(r#"{"member": "a", "wait_s": 26}"#).await,
        422,
        "bad_fields",
        &[],
    );
    let mut socket = socket::open(&server.address).await.unwrap();
    for (said, kind) in [
        (json!({"subscribe": "subscription", "id": 1}), "bad_fields"),
        (
            json!({"subscribe": "subscription", "id": 2, "name": "none"}),
            "not_found",
        ),
        (
            json!({"subscribe": "subscription", "id": 3, "name": "mailer", "at_most": 2_000}),
            "bad_fields",
        ),
        (json!({"acknowledge": 9, "positions": [1]}), "no_such_feed"),
    ] {
        say(&mut socket, said).await;
        let answer = hear(&mut socket).await;
        assert!(
            answer["error"]["type"].as_str().unwrap().ends_with(kind),
            "{answer}"
        );
    }
}
