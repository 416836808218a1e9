//! Flows over HTTP: rules, lists, one flow, and what is refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::running::Running;

const ORDER: &str = "01900000-0000-7000-8000-0000000000a1";
const STUCK: &str = "01900000-0000-7000-8000-0000000000a2";

/// An event of a flow.
async fn record(server: &Running, flow: &str, stream: &str, event_type: &str, second: u8) {
    let event = json!([{
        "type": event_type, "data": {"of": flow}, "occurred_at": format!("2026-01-01T10:00:{second:02}Z"),
        "metadata": {"correlation_id": flow, "service": "shop"},
    }]);
    let path = format!("/api/streams/{stream}/events");
    let (status, answer) = server.post(&path, &event.to_string()).await;
    assert_eq!(status, 201, "{answer}");
}

/// A list, once everything that was appended is summarised.
async fn list(server: &Running, path: &str) -> Value {
    for _ in 0..600 {
        let (status, list) = server.get(path).await;
        assert_eq!(status, 200, "{list}");
        if list["summarised"] == list["head"] {
            return list;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("flows were not summarised within 12 s");
}

#[tokio::test]
async fn the_flow_that_is_stuck_is_found_by_its_kinds_rule() {
    let server = Running::start().await;
    let rule =
        r#"{"ends": ["OrderCompleted"], "within_ms": 60000, "reason": "a parcel takes a minute"}"#;
    let (status, kept) = server.put("/api/flow-rules/OrderPlaced", rule).await;
    assert_eq!(
        (status.as_u16(), &kept["ends"]),
        (200, &json!(["OrderCompleted"])),
        "{kept}"
    );
    for (flow, stream) in [(ORDER, "order-1"), (STUCK, "order-2")] {
        record(&server, flow, stream, "OrderPlaced", 0).await;
        record(&server, flow, "payment-1", "PaymentCaptured", 4).await;
    }
    record(&server, ORDER, "order-1", "OrderCompleted", 9).await;

    let late = list(&server, "/api/flows?shown=late&order=oldest").await;
    assert_eq!(late["flows"].as_array().unwrap().len(), 1, "{late}");
    let stuck = &late["flows"][0];
    assert_eq!(
        (
            &stuck["correlation_id"],
            &stuck["state"],
            &stuck["last_type"]
        ),
        (
            &json!(STUCK),
            &json!("unfinished"),
            &json!("PaymentCaptured")
        )
    );
    let finished = list(&server, "/api/flows?shown=finished").await;
    assert_eq!(finished["flows"][0]["outcome"], "OrderCompleted");
    let (_, kinds) = server.get("/api/flow-kinds").await;
    assert_eq!(
        (&kinds[0]["kind"], &kinds[0]["p50_ms"], &kinds[0]["late"]),
        (&json!("OrderPlaced"), &json!(9_000), &json!(1)),
        "{kinds}"
    );
    let (_, checks) = server.get("/api/store/checks").await;
    let told = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["check"] == "flows")
        .unwrap();
    assert_eq!(
        (&told["verdict"], &told["found"]),
        (
            &json!("advice"),
            &json!(format!(
                "late: 1 that began with {}",
                kinds[0]["kind"].as_str().unwrap()
            ))
        )
    );
    let (_, flow) = server.get(&format!("/api/flows/{ORDER}")).await;
    assert_eq!(
        (&flow["summary"]["state"], &flow["events"][2]["service"]),
        (&json!("finished"), &json!("shop"))
    );
    assert!(flow["events"][0].get("data").is_none(), "{flow}");
    let (_, actions) = server.get("/api/actions").await;
    assert_eq!(
        (
            &actions[0]["action"],
            &actions[0]["reason"],
            &actions[0]["after"]["kind"]
        ),
        (
            &json!("flow_rule"),
            &json!("a parcel takes a minute"),
            &json!("OrderPlaced")
        ),
        "{actions}"
    );

    let (status, none) = server
        .put("/api/flow-rules/OrderPlaced", r#"{"ends": []}"#)
        .await;
    assert_eq!((status.as_u16(), none), (200, Value::Null));
}

#[tokio::test]
async fn what_is_not_right_is_refused_with_what_to_do() {
    let server = Running::start().await;
    for (path, status, kind) in [
        ("/api/flows?shown=stuck", 400, "bad_query"),
        ("/api/flows?order=up", 400, "bad_query"),
        ("/api/flows?limit=0", 400, "bad_query"),
        ("/api/flows?cursor=-1", 400, "bad_query"),
        ("/api/flows?filter=type:", 400, "bad_filter"),
        (
            "/api/flows/01900000-0000-7000-8000-0000000000ff",
            404,
            "not_found",
        ),
    ] {
        let (found, problem) = server.get(path).await;
        assert_eq!(found.as_u16(), status, "{path}: {problem}");
        assert!(
            problem["type"].as_str().unwrap().ends_with(kind),
            "{path}: {problem}"
        );
    }
    for (body, status) in [
        ("", 400),
        (r#"{"ends": "Done"}"#, 422),
        (r#"{"ends": ["Done"], "after": 3}"#, 422),
        (r#"{"ends": ["Done"], "within_ms": 0}"#, 422),
        (r#"{"ends": ["  "]}"#, 422),
    ] {
        let (found, problem) = server.put("/api/flow-rules/Begun", body).await;
        assert_eq!(found.as_u16(), status, "{body}: {problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
    }
    let (_, kinds) = server.get("/api/flow-kinds").await;
    assert_eq!(kinds, json!([]));
}
