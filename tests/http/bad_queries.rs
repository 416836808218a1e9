//! Queries that can't be answered say what can be; queries that only look odd are answered.

use serde_json::json;

use crate::refused::is_refused;
use crate::running::Running;

const STREAM: &str = "/api/streams/order-1/events";

#[tokio::test]
async fn queries_that_can_not_be_answered_say_what_can() {
    let server = Running::start().await;
    let huge = "9".repeat(30);
    let table: [(&str, &[&str]); 16] = [
        (&format!("/api/events?limit={huge}"), &["limit"]),
        (
            "/api/events?limit=1000000",
            &["limit is 1 to 1000; this is 1000000"],
        ),
        (&format!("/api/events?after={huge}"), &["after"]),
        ("/api/events?before=-1", &["before is 0 or more"]),
        ("/api/events?direction=sideways", &["forward", "backward"]),
        (&format!("{STREAM}?from=-1"), &["from is 0 or more"]),
        (&format!("{STREAM}?limit=0"), &["limit is 1 to 1000"]),
        (
            "/api/streams?cursor=nonsense",
            &["cursor", "this list gave"],
        ),
        ("/api/streams?cursor=%00&order=name", &["NUL"]),
        ("/api/streams?query=%00", &["NUL"]),
        ("/api/streams?category=%00", &["NUL"]),
        ("/api/streams?order=size", &["active", "name"]),
        ("/api/streams?limit=-5", &["limit is 1 to 1000"]),
        ("/api/events/histogram?buckets=0", &["buckets is 1 to 1000"]),
        ("/api/events/histogram?since=now", &["since"]),
        ("/api/export?colour=red", &["colour"]),
    ];
    for (path, says) in table {
        is_refused(server.get(path).await, 400, "bad_query", says);
    }
    is_refused(
        server.get("/api/flows/one").await,
        400,
        "bad_path",
        &["UUID"],
    );
    for path in [
        "/api/events?filter=%00",
        "/api/events?filter=type:%00",
        "/api/events?filter=data.a:\"%00\"",
    ] {
        is_refused(server.get(path).await, 400, "bad_filter", &["NUL"]);
    }
    let export = server.get("/api/export?filter=colour:red").await;
    is_refused(export, 400, "bad_filter", &["colour"]);
}

#[tokio::test]
async fn largest_numbers_there_are_are_not_wrong() {
    let server = Running::start().await;
    server.post(STREAM, r#"[{"type":"A","data":{}}]"#).await;
    let last = i64::MAX;
    for path in [
        format!("/api/events?after={last}"),
        format!("/api/events?after={last}&filter=type:A"),
        format!("/api/events?after={last}&filter=type:A&direction=backward"),
        "/api/events?before=0&filter=type:A".to_owned(),
        "/api/events?before=0&direction=backward".to_owned(),
        format!("{STREAM}?from={last}"),
    ] {
        let (status, page) = server.get(&path).await;
        assert_eq!(
            (status.as_u16(), &page["events"]),
            (200, &json!([])),
            "{path}: {page}"
        );
    }
    let (_, page) = server
        .get(&format!("/api/events?before={last}&filter=type:A"))
        .await;
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1), "{page}");
}
