//! Many readers of the live feed at once, and some that never read.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Error;

use crate::program::Server;
use crate::support::api::{Api, ask};
use crate::support::database;
use crate::support::socket::{self, Socket};

/// Opens the live feed at the head and waits until it is caught up.
async fn subscribe(api: &Api) -> Result<Socket, Error> {
    let mut socket = socket::open(&api.address).await?;
    socket::subscribe_at_head(&mut socket).await?;
    Ok(socket)
}

/// Appends so many events with so many bytes of data each.
async fn append(api: &Api, stream: &str, count: usize, bytes: usize) {
    let events = vec![json!({"type": "Written", "data": "x".repeat(bytes)}); count];
    let request = api.request("POST", &format!("/api/streams/{stream}/events"));
    let (status, body) = ask(request.json(&events)).await.unwrap();
    assert_eq!(status, 201, "{body}");
}

/// Reads up to a position: each one is delivered, or named by a gap, once and in order. Answers how many were delivered.
async fn read_to(socket: &mut Socket, mut at: i64, end: i64) -> Result<usize, Error> {
    let mut delivered = 0;
    while at < end {
        let message = socket::hear(socket).await?.ok_or(Error::ConnectionClosed)?;
        if let Some(gap) = message.get("gap") {
            assert_eq!(gap["after"], at, "{message}");
            at = gap["before"].as_i64().unwrap() - 1;
            assert_eq!(
                gap["count"],
                at - gap["after"].as_i64().unwrap(),
                "{message}"
            );
        }
        for event in message["events"].as_array().into_iter().flatten() {
            at += 1;
            assert_eq!(event["position"], at, "a position was passed over");
            delivered += 1;
        }
        assert!(
            message["next"].as_i64().is_none_or(|next| next == at),
            "{at}: {message}"
        );
    }
    Ok(delivered)
}

#[tokio::test]
async fn two_hundred_readers_get_everything_while_others_never_read() {
    let server = Server::start(&database::create().await).await;
    let mut never_read = Vec::new();
    for _ in 0..20 {
        never_read.push(subscribe(&server.api).await.unwrap());
    }
    let mut readers = JoinSet::new();
    for _ in 0..200 {
        let mut socket = subscribe(&server.api).await.unwrap();
        readers.spawn(async move { read_to(&mut socket, 0, 1_000).await.unwrap() });
    }
    for round in 0..50 {
        append(&server.api, &format!("a-{}", round % 7), 20, 100).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut complete = 0;
    while let Some(delivered) = readers.join_next().await {
        complete += usize::from(delivered.unwrap() == 1_000);
    }
    assert_eq!(
        complete, 200,
        "the ring holds 16,384 events: nobody has a reason to miss one"
    );
    drop(never_read);
}

/// Resident memory of the server, in MiB.
#[cfg(target_os = "linux")]
fn memory(server: &Server) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<i64>()
        .unwrap()
        / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn readers_that_never_read_cost_no_memory_and_are_told_what_they_missed() {
    let server = Server::start(&database::create().await).await;
    let fill = async |rounds| {
        for round in 0..rounds {
            append(&server.api, &format!("a-{round}"), 10, 400_000).await;
        }
    };
    // First the ring fills up to its bound, then each connection's own buffer, and then nothing more.
    fill(17).await;
    let mut never_read = Vec::new();
    for _ in 0..30 {
        never_read.push(subscribe(&server.api).await.unwrap());
    }
    fill(8).await;
    let before = memory(&server);
    fill(12).await;
    let after = memory(&server);
    // Kept for these readers, even once for all of them, it would be 48 MB.
    assert!(after - before < 20, "from {before} MiB to {after} MiB");
    for mut socket in never_read.into_iter().take(1) {
        // On a slow machine it may be closed by now: nothing drained it for 40 s.
        if let Ok(delivered) = read_to(&mut socket, 170, 370).await {
            assert!(
                delivered < 200,
                "the ring holds 64 of the 80 MB; more can't have waited for it"
            );
        }
    }
    let (_, page) = ask(server.api.request("GET", "/api/events?limit=1"))
        .await
        .unwrap();
    assert_eq!(page["head"], Value::from(370), "writers were not held back");
}
