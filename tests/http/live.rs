//! The live feed through a real socket.

use crate::running::Running;
use crate::support::socket::{self, Socket};
use futures_util::SinkExt;
use highwater_engine::FeedOptions;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

async fn open(server: &Running) -> Socket {
    socket::open(&server.address).await.unwrap()
}

async fn say(socket: &mut Socket, message: Value) {
    socket::say(socket, &message).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Option<Value> {
    socket::hear(socket).await.unwrap()
}

async fn append(server: &Running, stream: &str, count: usize, data: &str) {
    let events: Vec<Value> = (0..count)
        .map(|n| json!({"type": if n % 2 == 0 { "Even" } else { "Odd" }, "data": data}))
        .collect();
    let (status, body) = server
        .post(
            &format!("/api/streams/{stream}/events"),
            Value::from(events).to_string(),
        )
        .await;
    assert_eq!(status, 201, "{body}");
}

/// The positions of the events in a message.
fn positions(message: &Value) -> Vec<i64> {
    let events = message["events"].as_array().map_or(&[][..], Vec::as_slice);
    events
        .iter()
        .map(|event| event["position"].as_i64().unwrap())
        .collect()
}

/// Hears until `next` (or the end of a gap) reaches `end`; the positions that were delivered, and those named by gaps.
async fn until(socket: &mut Socket, end: i64) -> (Vec<i64>, Vec<i64>) {
    let (mut delivered, mut missed) = (Vec::new(), Vec::new());
    loop {
        let message = hear(socket).await.expect("the server closed");
        delivered.extend(positions(&message));
        if let Some(gap) = message.get("gap") {
            missed.extend(gap["after"].as_i64().unwrap() + 1..gap["before"].as_i64().unwrap());
        }
        if message["next"].as_i64().is_some_and(|next| next >= end) {
            return (delivered, missed);
        }
    }
}

#[tokio::test]
async fn subscriber_gets_history_then_what_is_recorded() {
    let server = Running::start().await;
    append(&server, "a-1", 10, "x").await;
    let mut socket = open(&server).await;
    say(
        &mut socket,
        json!({"subscribe": "events", "id": 1, "after": 3}),
    )
    .await;
    let (history, _) = until(&mut socket, 10).await;
    assert_eq!(history, (4..=10).collect::<Vec<_>>());
    assert_eq!(
        hear(&mut socket).await.unwrap(),
        json!({"id": 1, "caught_up": 10})
    );
    append(&server, "a-2", 5, "x").await;
    assert_eq!(
        until(&mut socket, 15).await.0,
        (11..=15).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn resumed_subscriber_gets_each_event_once() {
    let server = Running::with_feed(FeedOptions {
        ring_events: 8,
        ..FeedOptions::default()
    })
    .await;
    let mut seen = Vec::new();
    let mut after = 0;
    for round in 0..4 {
        append(&server, &format!("a-{round}"), 20, "x").await;
        let mut socket = open(&server).await;
        say(
            &mut socket,
            json!({"subscribe": "events", "id": 9, "after": after}),
        )
        .await;
        let (delivered, missed) = until(&mut socket, after + 20).await;
        assert!(missed.is_empty(), "history is no gap: {missed:?}");
        seen.extend(delivered);
        after += 20;
    }
    assert_eq!(seen, (1..=80).collect::<Vec<_>>());
}

#[tokio::test]
async fn filter_holds_for_history_and_live() {
    let server = Running::start().await;
    append(&server, "a-1", 4, "x").await;
    let mut socket = open(&server).await;
    say(
        &mut socket,
        json!({"subscribe": "events", "id": 1, "after": 0, "filter": "type:Odd"}),
    )
    .await;
    assert_eq!(until(&mut socket, 4).await.0, [2, 4]);
    append(&server, "a-2", 4, "x").await;
    assert_eq!(until(&mut socket, 8).await.0, [6, 8]);
}

#[tokio::test]
async fn slow_reader_gets_a_gap_and_slows_nobody() {
    let server = Running::with_feed(FeedOptions {
        ring_events: 32,
        ..FeedOptions::default()
    })
    .await;
    let mut slow = open(&server).await;
    let mut quick = open(&server).await;
    for socket in [&mut slow, &mut quick] {
        assert_eq!(socket::subscribe_at_head(socket).await.unwrap(), 0);
    }
    let data = "x".repeat(200_000);
    for round in 0..30 {
        append(&server, &format!("a-{round}"), 10, &data).await;
        let (delivered, missed) = until(&mut quick, (round + 1) * 10).await;
        assert_eq!(
            (delivered.len(), missed.len()),
            (10, 0),
            "the quick reader waits for nobody"
        );
    }
    let (delivered, missed) = until(&mut slow, 300).await;
    assert!(
        !missed.is_empty(),
        "60 MB can't have waited for the slow reader"
    );
    let mut all: Vec<i64> = delivered.iter().chain(&missed).copied().collect();
    assert!(delivered.is_sorted());
    all.sort_unstable();
    assert_eq!(
        all,
        (1..=300).collect::<Vec<_>>(),
        "each position is delivered once or named by a gap"
    );
}

#[tokio::test]
async fn nonsense_is_answered_and_then_the_connection_is_closed() {
    let server = Running::start().await;
    let mut socket = open(&server).await;
    say(
        &mut socket,
        json!({"subscribe": "events", "id": 1, "filter": "colour:red"}),
    )
    .await;
    let refused = hear(&mut socket).await.unwrap();
    assert_eq!(
        (&refused["id"], &refused["error"]["type"]),
        (&json!(1), &json!("bad_filter"))
    );
    for _ in 0..8 {
        socket.send(Message::text("hello?")).await.unwrap();
        assert_eq!(
            hear(&mut socket).await.unwrap()["error"]["type"],
            "bad_message"
        );
    }
    assert!(hear(&mut socket).await.is_none());
}

#[tokio::test]
async fn mark_is_said_at_once_and_again() {
    let server = Running::start().await;
    let mut socket = open(&server).await;
    say(&mut socket, json!({"subscribe": "mark", "id": 2})).await;
    assert_eq!(hear(&mut socket).await.unwrap()["mark"]["position"], 0);
    append(&server, "a-1", 3, "x").await;
    assert_eq!(hear(&mut socket).await.unwrap()["mark"]["position"], 3);
}

#[tokio::test]
async fn page_of_another_site_can_not_listen() {
    let server = Running::start().await;
    let mut request = format!("ws://{}/api/live", server.address)
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", "http://evil.example".parse().unwrap());
    match connect_async(request).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{other:?}"),
    }
}
