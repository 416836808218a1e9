//! More appends than there is room for.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program::{Process, Server, command};
use crate::support::database;

/// Appends, each of some megabytes: ten times of what there is room for.
const APPENDS: usize = 60;
const EVENTS: usize = 4;
const EVENT_BYTES: usize = 1_000_000;
/// What the server may have taken at its worst. The bodies alone are 240 MB, and each would be copied while it is read.
const MOST_KIB: u64 = 350 << 10;

async fn server() -> Server {
    let database = database::create().await;
    Server::start_with(&[
        "--database-url",
        &database,
        "--append-bytes",
        "16777216",
        "--queue-bytes",
        "8388608",
    ])
    .await
}

fn body(number: usize) -> String {
    let text = "x".repeat(EVENT_BYTES);
    let event = |nth: usize| {
        let id = format!("01890000-0000-7000-8000-{:012}", number * EVENTS + nth);
        json!({"type": "A", "id": id, "data": {"text": &text}})
    };
    Value::Array((0..EVENTS).map(event).collect()).to_string()
}

/// The most memory that it has had; none where the system does not say.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn what_there_is_no_room_for_is_refused_and_what_was_answered_is_there_once() {
    let server = server().await;
    let append = |number: usize| {
        let path = format!("/api/streams/big-{number}/events");
        let request = server.api.request("POST", &path);
        request.header("content-type", "application/json")
    };
    let sent = (0..APPENDS).map(|number| append(number).body(body(number)).send());
    let mut answered = Vec::new();
    let mut refused = Vec::new();
    for (number, answer) in join_all(sent).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        if answer.status() == StatusCode::CREATED {
            answered.push(number);
            continue;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "1");
        let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(problem["type"], "overloaded");
        refused.push(number);
    }
    assert!(!answered.is_empty() && !refused.is_empty());
    if let Some(peak) = peak_kib(server.id()) {
        assert!(peak < MOST_KIB, "{peak} KiB");
    }
    let mut there: HashMap<String, usize> = HashMap::new();
    let export = server.api.request("GET", "/api/export").send();
    let export = export.await.unwrap().text().await.unwrap();
    for line in export.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let stream = event["stream"].as_str().unwrap();
        *there.entry(stream.to_owned()).or_default() += 1;
    }
    let expected: HashMap<String, usize> = answered
        .iter()
        .map(|number| (format!("big-{number}"), EVENTS))
        .collect();
    assert_eq!(there, expected);
    // Nothing of what was refused is there, so it is taken as new.
    let again = refused[0];
    let answer = append(again).body(body(again)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
}

/// Says that so many bytes come, and sends none.
async fn head_alone(address: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/streams/big-1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_head_alone_takes_no_room_and_is_refused_before_its_body_comes() {
    let server = server().await;
    let address = &server.api.address;
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(head_alone(address, 8 << 20).await);
    }
    let append = server.api.request("POST", "/api/streams/big-2/events");
    let append = append.header("content-type", "application/json");
    let answer = append.body(body(1)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let mut large = head_alone(address, 1 << 30).await;
    let mut said = [0; 12];
    let refused = timeout(Duration::from_secs(5), large.read_exact(&mut said)).await;
    refused.unwrap().unwrap();
    assert_eq!(&said, b"HTTP/1.1 413");
}

#[tokio::test]
async fn the_command_comes_again_when_it_was_told_to() {
    let database = database::create().await;
    let server = Server::start_with(&[
        "--database-url",
        &database,
        "--rate-limit",
        "1",
        "--rate-burst",
        "1",
    ])
    .await;
    let url = format!("http://{}", server.api.address);
    let appends = (0..3).map(|number| {
        let mut append = command();
        append.args(["append", &format!("order-{number}"), "OrderPlaced"]);
        append.args(["--url", &url]).stdout(Stdio::null());
        Process(append.spawn().unwrap())
    });
    for mut append in appends.collect::<Vec<_>>() {
        let ended = tokio::task::spawn_blocking(move || append.0.wait().unwrap());
        assert!(ended.await.unwrap().success());
    }
}
