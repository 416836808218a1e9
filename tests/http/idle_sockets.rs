//! WebSockets that are open and ask for nothing.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::program::Server;
use crate::running::answer;
use crate::support::database;
use crate::support::socket::{Socket, hear, open, subscribe_at_head};

const PATIENCE: Duration = Duration::from_secs(30);

async fn server(arguments: &[&str]) -> Server {
    let database = database::create().await;
    let mut all = vec!["--database-url", &database];
    all.extend_from_slice(arguments);
    Server::start_with(&all).await
}

#[tokio::test]
async fn beside_a_thousand_that_ask_for_nothing_an_event_reaches_who_asked() {
    highwater::files::raise();
    let server = server(&[]).await;
    let address = server.api.address.as_str();
    let idle: Vec<Socket> = stream::iter(0..1_000)
        .map(|_| async move { open(address).await.unwrap() })
        .buffer_unordered(50)
        .collect()
        .await;
    let mut reader = open(address).await.unwrap();
    subscribe_at_head(&mut reader).await.unwrap();
    let append = server.api.request("POST", "/api/streams/order-1/events");
    let append = append.json(&json!([{"type": "OrderPlaced", "data": {}}]));
    assert_eq!(answer(append).await.0, StatusCode::CREATED);
    let heard = hear(&mut reader).await.unwrap().unwrap();
    assert!(heard.to_string().contains("OrderPlaced"), "{heard}");
    let metrics = server.api.request("GET", "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("highwater_live_connections 1001"),
        "{metrics}"
    );
    drop(idle);
}

#[tokio::test]
async fn one_too_many_is_told_when_to_come_again_and_then_gets_in() {
    let server = server(&["--max-sockets", "2"]).await;
    let address = server.api.address.as_str();
    let first = open(address).await.unwrap();
    let _second = open(address).await.unwrap();
    let Err(Error::Http(refused)) = open(address).await else {
        panic!("a third one was let in");
    };
    assert_eq!(refused.status().as_u16(), 503);
    assert_eq!(refused.headers()["retry-after"], "10");
    drop(first);
    let got_in = async { while open(address).await.is_err() {} };
    timeout(PATIENCE, got_in).await.unwrap();
}

#[tokio::test]
async fn one_that_never_asks_for_anything_is_closed_and_one_that_did_stays() {
    let server = server(&["--unspoken-timeout", "1"]).await;
    let mut asks = open(&server.api.address).await.unwrap();
    subscribe_at_head(&mut asks).await.unwrap();
    let mut silent = open(&server.api.address).await.unwrap();
    let closed = async {
        loop {
            match silent.next().await {
                Some(Ok(Message::Close(frame))) => return frame.unwrap(),
                Some(Ok(_)) => {}
                other => panic!("it ended without a reason: {other:?}"),
            }
        }
    };
    let closed = timeout(PATIENCE, closed).await.unwrap();
    assert_eq!(closed.code, CloseCode::Policy);
    let append = server.api.request("POST", "/api/streams/order-1/events");
    let append = append.json(&json!([{"type": "OrderPlaced", "data": {}}]));
    assert_eq!(answer(append).await.0, StatusCode::CREATED);
    assert!(hear(&mut asks).await.unwrap().is_some());
}
