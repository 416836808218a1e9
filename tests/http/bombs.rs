//! Requests that are small to send and would be large to take.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::refused::is_refused;
use crate::running::Running;

#[tokio::test]
async fn a_filter_line_is_bounded_in_length_terms_and_values() {
    let server = Running::start().await;
    let long = "x".repeat((16 << 10) + 1);
    let terms = "a ".repeat(51);
    let values = format!("type:{}", vec!["A"; 201].join(","));
    let table = [
        (long, "16384 bytes at most"),
        (terms, "50 terms at most"),
        (values, "200 values at most"),
    ];
    for (line, says) in table {
        let path = format!("/api/events?filter={}", line.replace(' ', "+"));
        is_refused(server.get(&path).await, 400, "bad_filter", &[says]);
    }
}

#[tokio::test]
async fn a_body_full_of_small_events_is_counted_and_not_kept() {
    let server = Running::start().await;
    let events = vec![r#"{"type":"A","data":1}"#; 200_000].join(",");
    let found = server
        .post("/api/streams/order-1/events", format!("[{events}]"))
        .await;
    is_refused(found, 413, "too_many_events", &["200000 events", "1000"]);
    let streams = vec![r#"{"stream":"a","events":[]}"#; 200_000].join(",");
    let found = server.post("/api/events", format!("[{streams}]")).await;
    is_refused(found, 413, "too_many_events", &["1000"]);
    let one = format!(r#"[{{"stream":"a","events":[{events}]}}]"#);
    let found = server.post("/api/events", one).await;
    is_refused(found, 413, "too_many_events", &["200000 events", "1000"]);
    // Also where something else is wrong, behind them.
    let broken = format!(r#"[{{"stream":"a","events":[{events}]}},1]"#);
    let found = server.post("/api/events", broken).await;
    is_refused(found, 413, "too_many_events", &["1000"]);
}

#[tokio::test]
async fn a_call_that_is_no_append_takes_no_more_than_people_write() {
    let server = Running::start().await;
    let large = format!("{{\"note\":\"{}\"}}", "x".repeat(3 << 20));
    let found = server.post("/api/shares", large).await;
    is_refused(found, 413, "body_too_large", &[]);
}

#[tokio::test]
async fn what_is_compressed_is_not_unpacked() {
    let server = Running::start().await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![b' '; 64 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    let request = server.request("POST", "/api/import");
    let request = request.header("content-encoding", "gzip").body(packed);
    let text = request.send().await.unwrap().text().await.unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["status"], 400, "{text}");
    assert_eq!(last["imported"], 0, "{text}");
}
