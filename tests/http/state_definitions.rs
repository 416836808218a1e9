//! State definitions over the API: states by them, what happens when they fail, and how they are taken in.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::command;
use crate::running::{Running, answer};

const STATUS: &str = "-- highwater: state order
-- highwater: describe How far an order is
state || case type
  when 'Placed' then jsonb_build_object('status', 'placed', 'cents', data->'cents')
  when 'Paid' then jsonb_build_object('status', 'paid', 'rest', 100 / (data->>'parts')::int)
end";

async fn append(server: &Running, stream: &str, events: &[(&str, Value)]) {
    let events: Vec<Value> = events
        .iter()
        .map(|(kind, data)| json!({"type": kind, "data": data}))
        .collect();
    let path = format!("/api/streams/{stream}/events");
    let (status, body) = server.post(&path, json!(events).to_string()).await;
    assert_eq!(status, 201, "{body}");
}

async fn get(server: &Running, path: &str) -> Value {
    let (status, body) = server.get(path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn put(server: &Running, category: &str, text: &str) -> (StatusCode, Value) {
    let path = format!("/api/state-definitions/{category}?reason=to%20see");
    server.put(&path, text).await
}

#[tokio::test]
async fn states_are_by_the_definition_of_their_category_until_it_is_taken_back() {
    let server = Running::start().await;
    append(
        &server,
        "order-1",
        &[
            ("Placed", json!({"cents": 4_200, "note": "x"})),
            ("Paid", json!({"parts": 2})),
            ("Paid", json!({"parts": 4})),
        ],
    )
    .await;
    let merged = get(&server, "/api/streams/order-1/state").await;
    assert_eq!(merged["by"], "merge");
    assert!(merged.get("definition").is_none(), "{merged}");
    let (status, kept) = put(&server, "order", STATUS).await;
    assert_eq!(status, 200, "{kept}");
    assert_eq!(
        (&kept["category"], &kept["describe"], &kept["actor"]),
        (
            &json!("order"),
            &json!("How far an order is"),
            &json!("local")
        )
    );
    assert_eq!(get(&server, "/api/state-definitions").await, json!([kept]));
    assert_eq!(get(&server, "/api/state-definitions/order").await, kept);

    let state = get(&server, "/api/streams/order-1/state").await;
    assert_eq!(state["by"], "definition");
    assert_eq!(
        state["state"],
        json!({"status": "paid", "cents": 4_200, "rest": 25})
    );
    assert_eq!(
        state["changes"],
        json!([{"op": "replace", "path": "/rest", "value": 25, "was": 50}])
    );
    assert_eq!(
        state["fields"],
        json!([{"path": "/cents", "version": 0}, {"path": "/rest", "version": 2}, {"path": "/status", "version": 1}])
    );
    assert_eq!(state["definition"]["describe"], "How far an order is");
    let difference = get(&server, "/api/streams/order-1/state/changes?from=0&to=2").await;
    assert_eq!(difference["by"], "definition");
    assert_eq!(difference["changes"][0]["path"], "/status");
    let first = get(
        &server,
        "/api/streams/order-1/state/first?condition=data.rest%3A25",
    )
    .await;
    assert_eq!(
        (&first["version"], &first["by"]),
        (&json!(2), &json!("definition"))
    );

    let request = server.request("DELETE", "/api/state-definitions/order");
    let (status, _) = answer(request).await;
    assert_eq!(status, 204);
    assert_eq!(
        get(&server, "/api/streams/order-1/state").await["by"],
        "merge"
    );
    let (status, body) = server.get("/api/state-definitions/order").await;
    assert_eq!(status, 404, "{body}");
}

#[tokio::test]
async fn where_a_definition_fails_events_are_merged_and_that_is_said() {
    let server = Running::start().await;
    append(
        &server,
        "order-1",
        &[
            ("Placed", json!({"cents": 1})),
            ("Paid", json!({"parts": 0})),
        ],
    )
    .await;
    put(&server, "order", STATUS).await;
    let before = get(&server, "/api/streams/order-1/state?version=0").await;
    assert_eq!(before["by"], "definition");
    let state = get(&server, "/api/streams/order-1/state").await;
    assert_eq!(
        (&state["by"], &state["state"]),
        (&json!("merge"), &json!({"cents": 1, "parts": 0}))
    );
    assert_eq!(
        state["definition"]["failed"],
        json!({"version": 1, "message": "division by zero"})
    );
    let first = get(
        &server,
        "/api/streams/order-1/state/first?condition=data.parts%3A0",
    )
    .await;
    assert_eq!(
        (&first["version"], &first["by"]),
        (&json!(1), &json!("merge"))
    );
}

#[tokio::test]
async fn a_definition_is_tried_on_a_stream_and_kept_nowhere() {
    let server = Running::start().await;
    append(
        &server,
        "order-1",
        &[
            ("Placed", json!({"cents": 1})),
            ("Paid", json!({"parts": 2})),
            ("Paid", json!({"parts": 0})),
        ],
    )
    .await;
    let attempt = |text: &str, stream: &str, version: Option<i64>| {
        let body = json!({"text": text, "stream": stream, "version": version});
        server.post("/api/state-definitions/order/try", body.to_string())
    };
    let (status, state) = attempt(STATUS, "order-1", Some(1)).await;
    assert_eq!(status, 200, "{state}");
    assert_eq!(
        (&state["by"], &state["state"]["rest"]),
        (&json!("definition"), &json!(50))
    );
    let (status, failed) = attempt(STATUS, "order-1", None).await;
    assert_eq!(status, 422, "{failed}");
    assert_eq!(
        failed["message"],
        "it fails at version 2 of order-1: division by zero"
    );
    assert_eq!((&failed["line"], &failed["column"]), (&json!(3), &json!(1)));
    let (status, wrong) = attempt(
        &STATUS.replace("'cents', data", "'cents', dat"),
        "order-1",
        None,
    )
    .await;
    assert_eq!(status, 422, "{wrong}");
    assert_eq!(wrong["line"], 4, "{wrong}");
    let (status, other) = attempt(STATUS, "stock-1", None).await;
    assert_eq!(status, 422, "{other}");
    assert!(
        other["detail"]
            .as_str()
            .unwrap()
            .contains("no stream of order")
    );
    let (status, none) = attempt(STATUS, "order-none", None).await;
    assert_eq!(status, 404, "{none}");
    assert_eq!(get(&server, "/api/state-definitions").await, json!([]));
}

#[tokio::test]
async fn what_is_no_definition_is_refused_at_its_place() {
    let server = Running::start().await;
    for (category, text, line, words) in [
        ("order", "", 1, "whose state"),
        ("stock", STATUS, 1, "this is the place of"),
        (
            "order",
            "-- highwater: state order\nstate; drop table x",
            2,
            "one expression",
        ),
        (
            "order",
            "-- highwater: state order\nstate || nothing",
            2,
            "nothing",
        ),
    ] {
        let (status, body) = put(&server, category, text).await;
        assert_eq!(status, 422, "{body}");
        assert_eq!(body["line"], line, "{body}");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
    }
}

#[tokio::test]
async fn the_search_goes_on_from_any_version() {
    let server = Running::start().await;
    let events: Vec<(&str, Value)> = (0..1_000)
        .map(|n| ("Counted", json!({"n": n % 100})))
        .collect();
    append(&server, "count-1", &events).await;
    append(&server, "count-1", &events).await;
    for (from, version) in [(0, 7), (7, 7), (8, 107), (1_500, 1_507), (1_999, -1)] {
        let path = format!("/api/streams/count-1/state/first?condition=data.n%3A7&from={from}");
        let found = get(&server, &path).await;
        let expected = if version < 0 {
            Value::Null
        } else {
            json!(version)
        };
        assert_eq!(found["version"], expected, "from {from}");
    }
}

#[tokio::test]
async fn a_definition_of_the_folder_is_taken_in_and_again_when_its_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("what_an_order_is.sql");
    std::fs::write(&file, STATUS).unwrap();
    let server = Running::with_folder(folder.path()).await;
    let until = async |path: &str, is: &dyn Fn(&Value) -> bool| loop {
        let (_, body) = server.get(path).await;
        if is(&body) {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let kept = until("/api/state-definitions", &|kept| kept[0].is_object()).await;
    assert_eq!(kept[0]["text"], STATUS);
    assert_eq!(kept[0]["actor"], "folder");
    std::fs::write(&file, format!("{STATUS} || nothing")).unwrap();
    let refused = until("/api/definitions/refused", &|refused| {
        refused[0].is_object()
    })
    .await;
    assert_eq!(refused[0]["name"], "what_an_order_is");
    let other = STATUS.replace("How far", "Where");
    std::fs::write(&file, &other).unwrap();
    until("/api/state-definitions", &|kept| kept[0]["text"] == other).await;
    until("/api/definitions/refused", &|refused| *refused == json!([])).await;
}

#[tokio::test]
async fn the_command_tries_a_state_definition_on_the_newest_streams() {
    let server = Running::start().await;
    append(&server, "order-1", &[("Placed", json!({"cents": 1}))]).await;
    append(
        &server,
        "order-2",
        &[("Paid", json!({"parts": 5})), ("Paid", json!({"parts": 1}))],
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.sql");
    let right = command::check(&server, &file, STATUS).await;
    assert!(right.status.success(), "{right:?}");
    let told: Value = serde_json::from_slice(&right.stdout).unwrap();
    assert_eq!(
        told,
        json!({"category": "order", "streams": 2, "events": 3})
    );
    append(&server, "order-3", &[("Paid", json!({"parts": 0}))]).await;
    for (text, says) in [
        (STATUS.to_owned(), "version 0 of order-3: division by zero"),
        (STATUS.replace("data->>", "dat->>"), "line 5, column"),
        (
            STATUS.replace("state order", "state none"),
            "no stream of the category none",
        ),
    ] {
        let wrong = command::check(&server, &file, &text).await;
        let said = String::from_utf8_lossy(&wrong.stderr);
        assert!(!wrong.status.success() && said.contains(says), "{said}");
    }
}
