//! What the live feed answers to what it can't take.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::running::Running;
use crate::support::socket::{self, Socket, hear, say};

async fn open(server: &Running) -> Socket {
    socket::open(&server.address).await.unwrap()
}

/// Says something and hears the refusal.
async fn refusal(socket: &mut Socket, message: Value) -> Value {
    say(socket, &message).await.unwrap();
    hear(socket).await.unwrap().unwrap()
}

/// Reads until the server closes, and why it does.
async fn closed(socket: &mut Socket) -> CloseFrame {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => return frame.unwrap(),
            Some(Ok(_)) => {}
            other => panic!("it ended without a reason: {other:?}"),
        }
    }
}

#[tokio::test]
async fn wrong_messages_are_refused_with_what_would_be_right() {
    let server = Running::start().await;
    let mut socket = open(&server).await;
    let table = [
        (json!({"subscribe": "events"}), None, "missing field `id`"),
        (
            json!({"subscribe": "rumours", "id": 1}),
            Some(1),
            "`events`",
        ),
        (
            json!({"subscribe": "events", "id": 2, "after": -1}),
            Some(2),
            "position from 0",
        ),
        (
            json!({"subscribe": "events", "id": 3, "colour": "red"}),
            Some(3),
            "unknown field `colour`",
        ),
        (json!({"unsubscribe": "all"}), None, "u32"),
        (json!([]), None, "Say {"),
    ];
    for (message, id, says) in table {
        let refused = refusal(&mut socket, message).await;
        assert_eq!(
            (refused["id"].as_u64(), &refused["error"]["type"]),
            (id, &json!("bad_message")),
            "{refused}"
        );
        let detail = refused["error"]["detail"].as_str().unwrap();
        assert!(detail.contains(says), "it should say {says:?}: {detail}");
    }
    socket.send(Message::binary(vec![0, 1, 2])).await.unwrap();
    let refused = hear(&mut socket).await.unwrap().unwrap();
    assert!(
        refused["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("send JSON as text"),
        "{refused}"
    );
    // It is still there for who speaks its language.
    say(
        &mut socket,
        &json!({"subscribe": "events", "id": 9, "after": 0}),
    )
    .await
    .unwrap();
    assert_eq!(
        hear(&mut socket).await.unwrap().unwrap(),
        json!({"id": 9, "caught_up": 0})
    );
}

#[tokio::test]
async fn feeds_are_numbered_once_and_bounded() {
    let server = Running::start().await;
    let mut socket = open(&server).await;
    for id in 0..32 {
        let caught_up = refusal(&mut socket, json!({"subscribe": "events", "id": id})).await;
        assert_eq!(caught_up, json!({"id": id, "caught_up": 0}));
    }
    let refused = refusal(&mut socket, json!({"subscribe": "events", "id": 5})).await;
    assert_eq!(
        (&refused["id"], &refused["error"]["type"]),
        (&json!(5), &json!("id_in_use"))
    );
    let refused = refusal(&mut socket, json!({"subscribe": "events", "id": 99})).await;
    assert_eq!(
        (&refused["id"], &refused["error"]["type"]),
        (&json!(99), &json!("too_many_feeds"))
    );
    say(&mut socket, &json!({"unsubscribe": 5})).await.unwrap();
    let caught_up = refusal(&mut socket, json!({"subscribe": "events", "id": 99})).await;
    assert_eq!(caught_up, json!({"id": 99, "caught_up": 0}));
}

#[tokio::test]
async fn position_that_is_not_there_yet_is_waited_for() {
    let server = Running::start().await;
    let mut socket = open(&server).await;
    for (id, after) in [(1, 2), (2, i64::MAX)] {
        let caught_up = refusal(
            &mut socket,
            json!({"subscribe": "events", "id": id, "after": after}),
        )
        .await;
        assert_eq!(caught_up, json!({"id": id, "caught_up": after}));
    }
    let events = r#"[{"type":"A","data":1},{"type":"A","data":2},{"type":"A","data":3}]"#;
    server.post("/api/streams/a-1/events", events).await;
    let message = hear(&mut socket).await.unwrap().unwrap();
    assert_eq!(
        (&message["id"], &message["events"][0]["position"]),
        (&json!(1), &json!(3)),
        "{message}"
    );
}

#[tokio::test]
async fn message_that_is_too_long_ends_the_connection_with_that_reason() {
    let server = Running::start().await;
    let mut socket = open(&server).await;
    let filter = "x".repeat(20 << 10);
    say(
        &mut socket,
        &json!({"subscribe": "events", "id": 1, "filter": filter}),
    )
    .await
    .unwrap();
    let closed = closed(&mut socket).await;
    assert_eq!(closed.code, CloseCode::Size);
    assert!(closed.reason.contains("16 KiB"), "{}", closed.reason);
}

#[tokio::test]
async fn peer_that_answers_no_ping_is_closed_and_one_that_only_listens_is_not() {
    let server = Running::start().await;
    let deaf = open(&server).await;
    let mut listening = open(&server).await;
    let fifty_seconds = tokio::time::sleep(Duration::from_secs(50));
    tokio::pin!(fifty_seconds);
    loop {
        tokio::select! {
            () = &mut fifty_seconds => break,
            // Reading is what answers pings.
            heard = listening.next() => assert!(matches!(heard, Some(Ok(Message::Ping(_)))), "{heard:?}"),
        }
    }
    // Its bytes as they are: a client of WebSockets would answer the pings first, and fail at that.
    let mut said = Vec::new();
    let _: Result<_, _> = deaf.into_inner().read_to_end(&mut said).await;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("no answer to pings"), "{said}");
    let refused = refusal(&mut listening, json!([])).await;
    assert_eq!(refused["error"]["type"], "bad_message", "it is still open");
}
