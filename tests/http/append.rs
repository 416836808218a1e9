//! Appending through HTTP: what is taken, and what is refused with which words.

use crate::running::{Running, answer};
use serde_json::json;

#[tokio::test]
async fn append_answers_versions_and_positions() {
    let server = Running::start().await;
    let (status, body) = server
        .post(
            "/api/streams/order-1/events",
            r#"[{"type":"A","data":{}},{"type":"B","data":{"n":1}}]"#,
        )
        .await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(
        body,
        json!({"stream":"order-1","first_version":0,"last_version":1,"first_position":1,"last_position":2})
    );
    let (_, page) = server.get("/api/streams/order-1/events").await;
    assert_eq!(page["events"][1]["data"], json!({"n":1}));
    assert_eq!(page["events"][1]["category"], "order");
    let (_, log) = server.get("/api/events?direction=backward&limit=1").await;
    assert_eq!(log["events"][0]["position"], 2);
    assert_eq!(log["head"], 2);
}

#[tokio::test]
async fn conflict_names_stream_expected_and_actual() {
    let server = Running::start().await;
    server
        .post("/api/streams/order-1/events", r#"[{"type":"A","data":{}}]"#)
        .await;
    let request = server
        .request("POST", "/api/streams/order-1/events")
        .header("expected-version", "none")
        .body(r#"[{"type":"B","data":{}}]"#);
    let (status, body) = answer(request).await;
    assert_eq!(status, 409);
    assert_eq!(
        (
            &body["type"],
            &body["stream"],
            &body["expected"],
            &body["actual"]
        ),
        (
            &json!("conflict"),
            &json!("order-1"),
            &json!("none"),
            &json!(0)
        )
    );
}

#[tokio::test]
async fn same_ids_again_give_the_first_answer() {
    let server = Running::start().await;
    let body = r#"[{"type":"A","data":{"n":1},"id":"01890000-0000-7000-8000-000000000001"}]"#;
    let (first, appended) = server.post("/api/streams/order-1/events", body).await;
    let (again, same) = server.post("/api/streams/order-1/events", body).await;
    assert_eq!((first.as_u16(), again.as_u16()), (201, 200), "{same}");
    assert_eq!(appended, same);
    let (status, problem) = server
        .post(
            "/api/streams/order-1/events",
            body.replace("\"n\":1", "\"n\":2"),
        )
        .await;
    assert_eq!(
        (status.as_u16(), &problem["type"]),
        (409, &json!("id_reused"))
    );
}

#[tokio::test]
async fn several_streams_are_all_or_nothing() {
    let server = Running::start().await;
    let (status, body) = server
        .post(
            "/api/events",
            r#"[{"stream":"a-1","events":[{"type":"A","data":1}]},{"stream":"b-1","expected_version":"exists","events":[{"type":"B","data":2}]}]"#,
        )
        .await;
    assert_eq!(status, 409, "{body}");
    assert_eq!(server.get("/api/streams/a-1").await.0, 404);
}

#[tokio::test]
async fn cloud_events_go_to_the_stream_of_their_subject() {
    let server = Running::start().await;
    let event = json!({"specversion":"1.0","id":"01890000-0000-7000-8000-000000000002","source":"/shop","type":"A","subject":"order-7","data":{"n":1},
        "correlationid":"01890000-0000-7000-8000-00000000000c"});
    let request = server
        .request("POST", "/api/events")
        .header("content-type", "application/cloudevents+json")
        .body(event.to_string());
    let (status, body) = answer(request).await;
    assert_eq!(status, 201, "{body}");
    let (_, page) = server.get("/api/streams/order-7/events").await;
    assert_eq!(
        page["events"][0]["metadata"]["correlation_id"],
        "01890000-0000-7000-8000-00000000000c"
    );
}

#[tokio::test]
async fn bad_input_is_refused_by_name() {
    let server = Running::start().await;
    let deep = format!(
        r#"[{{"type":"A","data":{}1{}}}]"#,
        "[".repeat(100),
        "]".repeat(100)
    );
    let stream = "/api/streams/order-1/events";
    let table: Vec<(&str, String, u16, &str)> = vec![
        (stream, "[".into(), 400, "bad_json"),
        (
            stream,
            r#"{"type":"A","data":{}}"#.into(),
            422,
            "bad_fields",
        ),
        (stream, r#"[{"type":"A"}]"#.into(), 422, "bad_fields"),
        (
            stream,
            r#"[{"type":"A","data":{},"colour":"red"}]"#.into(),
            422,
            "bad_fields",
        ),
        (stream, "[]".into(), 422, "no_events"),
        ("/api/events", "[]".into(), 422, "no_events"),
        (stream, r#"[{"type":"","data":{}}]"#.into(), 422, "bad_type"),
        (
            stream,
            r#"[{"type":"A","data":"\u0000"}]"#.into(),
            422,
            "not_storable",
        ),
        (
            stream,
            r#"[{"type":"A","data":{},"metadata":[]}]"#.into(),
            422,
            "bad_metadata",
        ),
        (stream, deep, 422, "too_deep"),
        (
            stream,
            format!(r#"[{{"type":"A","data":"{}"}}]"#, "x".repeat(2 << 20)),
            413,
            "event_too_large",
        ),
        (stream, "x".repeat(20 << 20), 413, "body_too_large"),
        (
            "/api/streams/a%00b/events",
            r#"[{"type":"A","data":{}}]"#.into(),
            422,
            "bad_stream_name",
        ),
    ];
    for (path, body, status, kind) in table {
        let start: String = body.chars().take(60).collect();
        let (found, problem) = server.post(path, body).await;
        assert_eq!(
            (found.as_u16(), problem["type"].as_str()),
            (status, Some(kind)),
            "{path} {start}: {problem}"
        );
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
    }
    let request = server
        .request("POST", stream)
        .header("expected-version", "-3")
        .body(r#"[{"type":"A","data":{}}]"#);
    assert_eq!(answer(request).await.1["type"], "bad_expected_version");
    let request = server
        .request("POST", stream)
        .header("origin", "http://evil.example")
        .body("[]");
    assert_eq!(answer(request).await.1["type"], "other_origin");
}

#[tokio::test]
async fn bad_queries_are_refused_by_name() {
    let server = Running::start().await;
    for (path, status, kind) in [
        ("/api/events?limit=0", 400, "bad_query"),
        ("/api/events?limit=1001", 400, "bad_query"),
        ("/api/events?limit=many", 400, "bad_query"),
        ("/api/events?colour=red", 400, "bad_query"),
        ("/api/events?after=-1", 400, "bad_query"),
        ("/api/events?filter=colour:red", 400, "bad_filter"),
        ("/api/events/not-an-id", 400, "bad_path"),
        (
            "/api/events/01890000-0000-7000-8000-00000000dead",
            404,
            "not_found",
        ),
        ("/api/streams/nowhere-1", 404, "not_found"),
        ("/api/nothing", 404, "not_found"),
        ("/api/live", 400, "upgrade_required"),
    ] {
        let (found, problem) = server.get(path).await;
        assert_eq!(
            (found.as_u16(), problem["type"].as_str()),
            (status, Some(kind)),
            "{path}: {problem}"
        );
    }
    let (status, problem) = answer(server.request("DELETE", "/api/events")).await;
    assert_eq!(
        (status.as_u16(), problem["type"].as_str()),
        (405, Some("method_not_allowed")),
        "{problem}"
    );
}

#[tokio::test]
async fn odd_stream_names_come_back_as_they_went_in() {
    let server = Running::start().await;
    for (encoded, name) in [
        ("a%2Fb-1", "a/b-1"),
        ("100%25-1", "100%-1"),
        ("with%20space-1", "with space-1"),
        ("%F0%9F%8C%8A-1", "🌊-1"),
    ] {
        let (status, body) = server
            .post(
                &format!("/api/streams/{encoded}/events"),
                r#"[{"type":"A","data":{}}]"#,
            )
            .await;
        assert_eq!(status, 201, "{body}");
        assert_eq!(
            server.get(&format!("/api/streams/{encoded}")).await.1["stream"],
            name
        );
    }
}

#[tokio::test]
async fn every_answer_has_its_security_headers_and_id() {
    let server = Running::start().await;
    let response = server.request("GET", "/healthz").send().await.unwrap();
    for header in [
        "content-security-policy",
        "x-content-type-options",
        "x-request-id",
        "referrer-policy",
    ] {
        assert!(response.headers().contains_key(header), "{header}");
    }
    let (_, document) = server.get("/api/openapi.json").await;
    for path in [
        "/api/streams/{stream}/events",
        "/api/import",
        "/api/export",
        "/api/live",
        "/api/events/histogram",
        "/api/read-models",
        "/api/read-models/{name}",
        "/api/read-models/{name}/check",
        "/api/read-models/{name}/failures",
        "/api/read-models/{name}/failures/{position}/retry",
        "/api/read-models/{name}/failures/{position}/skip",
        "/api/read-models/{name}/lag",
        "/api/read-models/{name}/pause",
        "/api/read-models/{name}/resume",
        "/api/read-models/{name}/rows",
        "/api/actions",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
}
