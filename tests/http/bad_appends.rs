//! Appends that are wrong in one way each: which refusal they get, and that it says what to do.

use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::{Running, answer};

const STREAM: &str = "/api/streams/order-1/events";
const ID: &str = "01890000-0000-7000-8000-000000000001";

fn nested(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

fn event(rest: &str) -> String {
    format!(r#"[{{"type":"A","data":{{}}{rest}}}]"#)
}

fn with_data(data: &str) -> String {
    format!(r#"[{{"type":"A","data":{data}}}]"#)
}

/// Asserts that each body is refused, and that nothing of it was recorded.
async fn are_refused(table: &[(String, u16, &str, &[&str])]) {
    let server = Running::start().await;
    for (body, status, kind, says) in table {
        is_refused(
            server.post(STREAM, body.as_str()).await,
            *status,
            kind,
            says,
        );
    }
    assert_eq!(server.get("/api/events").await.1["head"], 0);
}

#[tokio::test]
async fn malformed_json_is_told_where() {
    are_refused(&[
        (String::new(), 400, "bad_json", &["EOF", "Send JSON"]),
        ("\u{0}".into(), 400, "bad_json", &["line 1", "Send JSON"]),
        (event("") + ",", 400, "bad_json", &["column 25"]),
        (event("")[..20].into(), 400, "bad_json", &["EOF"]),
    ])
    .await;
}

#[tokio::test]
async fn wrong_fields_are_told_by_name() {
    let table: [(&str, &[&str]); 8] = [
        ("null", &["sequence"]),
        (
            r#"[["A",{"n":1}]]"#,
            &["expected an event: an object with type and data"],
        ),
        (r#"[{"type":1,"data":{}}]"#, &["string", "openapi"]),
        (r#"[{"data":{}}]"#, &["missing field `type`"]),
        (r#"[{"type":"A"}]"#, &["missing field `data`"]),
        (
            &event(r#","colour":"red""#),
            &["unknown field `colour`", "`data`"],
        ),
        (&event(r#","id":"one""#), &["UUID"]),
        (&event(r#","occurred_at":"yesterday""#), &["year"]),
    ];
    are_refused(&table.map(|(body, says)| (body.to_owned(), 422, "bad_fields", says))).await;
    are_refused(&[
        (
            event(r#","metadata":"x""#),
            422,
            "bad_metadata",
            &["must be a JSON object"],
        ),
        (
            event(r#","metadata":{"correlation_id":"x"}"#),
            422,
            "bad_metadata",
            &["correlation_id must be a UUID like"],
        ),
        (
            r#"[{"type":"A\u0000","data":1}]"#.into(),
            422,
            "bad_type",
            &["no control characters"],
        ),
        (
            format!(r#"[{{"type":"{}","data":1}}]"#, "T".repeat(256)),
            422,
            "bad_type",
            &["1 to 255 bytes"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_the_database_can_not_hold_is_refused_before_it() {
    let table: [(&str, &[&str]); 4] = [
        (&event(r#","metadata":{"a":"\u0000"}"#), &["\\u0000"]),
        (&with_data(r#"{"\u0000":1}"#), &["\\u0000"]),
        (&with_data(r#""\ud800""#), &["surrogate"]),
        (&with_data("1e999999"), &["10,000 digits"]),
    ];
    are_refused(&table.map(|(body, says)| (body.to_owned(), 422, "not_storable", says))).await;
    are_refused(&[
        (with_data(&nested(65)), 422, "too_deep", &["64 levels"]),
        (with_data(&nested(100_000)), 422, "too_deep", &["64 levels"]),
        (nested(100_000), 422, "bad_fields", &["expected an event"]),
    ])
    .await;
}

#[tokio::test]
async fn append_that_is_too_much_or_says_an_id_twice_is_refused() {
    let many = |event, count| Value::from(vec![event; count]).to_string();
    let large = json!({"type": "A", "data": "x".repeat(900_000)});
    let small = json!({"type": "A", "data": 1});
    let known = json!({"type": "A", "data": 1, "id": ID});
    are_refused(&[
        (
            many(small, 1_001),
            413,
            "too_many_events",
            &["1000", "split it"],
        ),
        (many(large, 10), 413, "append_too_large", &["split it"]),
        (many(known, 2), 409, "id_reused", &[ID, "new id"]),
    ])
    .await;
}

#[tokio::test]
async fn appends_to_several_streams_are_refused_as_a_whole() {
    let server = Running::start().await;
    let one = json!({"stream": "a-1", "events": [{"type": "A", "data": 1}]});
    let with = |name: &str, value: Value| {
        let mut append = one.clone();
        append[name] = value;
        append
    };
    let table: [(Value, u16, &str, &[&str]); 8] = [
        (
            with("stream", json!("")),
            422,
            "bad_fields",
            &["may not be empty"],
        ),
        (
            with("stream", json!("a\u{0}-1")),
            422,
            "bad_fields",
            &["control characters", "U+0000"],
        ),
        (
            with("stream", json!("x".repeat(256))),
            422,
            "stream_name_too_long",
            &["256 bytes", "255 is the most"],
        ),
        (
            with("expected_version", json!(-1)),
            422,
            "bad_fields",
            &["any, none, exists or a number"],
        ),
        (
            with("expected_version", json!("latest")),
            422,
            "bad_fields",
            &["any, none, exists or a number"],
        ),
        (
            with("events", json!([])),
            422,
            "no_events",
            &["at least one event"],
        ),
        (
            with("colour", json!(1)),
            422,
            "bad_fields",
            &["unknown field `colour`"],
        ),
        (
            one.clone(),
            422,
            "stream_twice",
            &["a-1", "put its events together"],
        ),
    ];
    for (bad, status, kind, says) in table {
        let body = json!([one, bad]).to_string();
        is_refused(server.post("/api/events", body).await, status, kind, says);
    }
    let events = json!([{"type": "A", "data": 1, "id": ID}]);
    let body = json!([{"stream": "a-1", "events": events}, {"stream": "a-2", "events": events}]);
    is_refused(
        server.post("/api/events", body.to_string()).await,
        409,
        "id_reused",
        &[ID],
    );
    assert_eq!(
        server.get("/api/events").await.1["head"],
        0,
        "none of it was recorded"
    );
}

#[tokio::test]
async fn headers_that_are_not_right_are_told_what_would_be() {
    let server = Running::start().await;
    let body = r#"[{"type":"A","data":{}}]"#;
    for version in ["-1", "1.5", "latest", "99999999999999999999", ""] {
        let request = server
            .request("POST", STREAM)
            .header("expected-version", version);
        let says = &["any, none, exists or a number from 0"];
        is_refused(
            answer(request.body(body)).await,
            400,
            "bad_expected_version",
            says,
        );
    }
    let request = server
        .request("POST", STREAM)
        .header("expected-version", i64::MAX.to_string());
    is_refused(
        answer(request.body(body)).await,
        409,
        "conflict",
        &["no such stream", "read it again"],
    );
    let request = server
        .request("POST", STREAM)
        .header("content-type", "text/plain");
    is_refused(
        answer(request.body(body)).await,
        415,
        "unsupported_media_type",
        &["send application/json"],
    );
}
