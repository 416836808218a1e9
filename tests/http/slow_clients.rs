//! Clients that come and then send drop by drop, or nothing more.

use std::cell::Cell;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::{Body, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::program::Server;
use crate::support::database;

/// How long the server may take to do what it does after a second.
const PATIENCE: Duration = Duration::from_secs(30);

async fn server(arguments: &[&str]) -> Server {
    let database = database::create().await;
    let mut all = vec!["--database-url", &database];
    all.extend_from_slice(arguments);
    Server::start_with(&all).await
}

/// Sends a head letter by letter until the server has had enough.
async fn drip(address: String) {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let head = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-drop: ";
    stream.write_all(head).await.unwrap();
    let mut heard = [0; 64];
    loop {
        match timeout(Duration::from_millis(100), stream.read(&mut heard)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) => panic!("a head without an end was answered"),
            Err(_) => {
                if stream.write_all(b"a").await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn heads_that_come_drop_by_drop_are_ended_while_others_are_answered() {
    let server = server(&["--head-timeout", "1"]).await;
    let mut slow = JoinSet::new();
    for _ in 0..200 {
        slow.spawn(drip(server.api.address.clone()));
    }
    let done = Cell::new(false);
    let others = async {
        while !done.get() {
            let answer = server.api.request("GET", "/api/store").send().await;
            assert_eq!(answer.unwrap().status(), StatusCode::OK);
        }
    };
    let ended = async {
        while let Some(ended) = slow.join_next().await {
            ended.unwrap();
        }
        done.set(true);
    };
    let both = async { tokio::join!(others, ended) };
    timeout(PATIENCE, both).await.unwrap();
    let metrics = server.api.request("GET", "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let name = "highwater_connections_ended_total{reason=\"head\"} ";
    let count = metrics.lines().find_map(|line| line.strip_prefix(name));
    let count: u32 = count.unwrap().parse().unwrap();
    assert!(count >= 200, "{count}");
}

#[tokio::test]
async fn a_connection_without_requests_is_ended_in_order() {
    let server = server(&["--head-timeout", "1", "--idle-timeout", "1"]).await;
    let mut stream = TcpStream::connect(&server.api.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut heard = Vec::new();
    let whole = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
    whole.unwrap().unwrap();
    assert!(heard.starts_with(b"HTTP/1.1 200"), "{heard:?}");
}

#[tokio::test]
async fn an_import_that_stops_coming_ends_and_keeps_what_came() {
    let server = server(&["--body-timeout", "1"]).await;
    let line = "{\"stream\":\"order-1\",\"type\":\"A\",\"data\":1}\n";
    let body = stream::iter([Ok::<_, std::io::Error>(line)]).chain(stream::pending());
    let request = server.api.request("POST", "/api/import");
    let answer = request.body(Body::wrap_stream(body)).send();
    let answer = timeout(PATIENCE, async { answer.await.unwrap().text().await });
    let answer = answer.await.unwrap().unwrap();
    let last: Value = serde_json::from_str(answer.lines().last().unwrap()).unwrap();
    assert_eq!(last["status"], 408, "{answer}");
    assert_eq!(last["type"], "body_stopped", "{answer}");
    assert_eq!(last["imported"], 1, "{answer}");
}

#[tokio::test]
async fn who_finds_no_place_is_told_so_and_finds_one_later() {
    let server = server(&["--max-connections", "2"]).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(TcpStream::connect(&server.api.address).await.unwrap());
    }
    let asked = server.api.request("GET", "/api/store").send();
    let refused = asked.await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "5");
    let problem: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(problem["type"], "too_many_connections");
    // Who would restart the server is told that it runs; who sends it requests, that it takes none.
    let probe = async |path: &str| {
        let answer = server.api.request("GET", path).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let alive = probe("/healthz").await;
    assert_eq!(alive, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(probe("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    open.clear();
    let found = async {
        loop {
            let answer = server.api.request("GET", "/api/store").send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap();
}
