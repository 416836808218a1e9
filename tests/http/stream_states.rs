//! What a stream was: its states, what changed, who set what, since when, and its timeline.

use serde_json::{Value, json};

use crate::running::Running;

async fn append(server: &Running, stream: &str, events: &[(&str, Value)]) {
    let events: Vec<Value> = events
        .iter()
        .map(|(kind, data)| json!({"type": kind, "data": data}))
        .collect();
    for part in events.chunks(1_000) {
        let path = format!("/api/streams/{stream}/events");
        let (status, body) = server.post(&path, json!(part).to_string()).await;
        assert_eq!(status, 201, "{body}");
    }
}

async fn get(server: &Running, path: &str) -> Value {
    let (status, body) = server.get(path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Paths and versions of `fields`.
fn fields(state: &Value) -> Vec<(&str, i64)> {
    let fields = state["fields"].as_array().unwrap().iter();
    fields
        .map(|field| {
            (
                field["path"].as_str().unwrap(),
                field["version"].as_i64().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn an_orders_states_are_told_with_what_changed_and_who_set_what() {
    let server = Running::start().await;
    let events = [
        (
            "OrderPlaced",
            json!({"status": "placed", "cents": 4_200, "to": {"city": "Lisbon", "zip": "1"}}),
        ),
        ("OrderPaid", json!({"status": "paid"})),
        (
            "OrderMoved",
            json!({"to": {"zip": null, "street": "Rua a/b"}}),
        ),
    ];
    append(&server, "order-1", &events).await;
    let newest = get(&server, "/api/streams/order-1/state").await;
    assert_eq!(
        newest["state"],
        json!({"status": "paid", "cents": 4_200, "to": {"city": "Lisbon", "street": "Rua a/b"}})
    );
    assert_eq!(
        (&newest["version"], &newest["last_version"], &newest["by"]),
        (&json!(2), &json!(2), &json!("merge"))
    );
    assert_eq!(newest["event"]["type"], "OrderMoved");
    assert_eq!(
        newest["changes"],
        json!([
            {"op": "remove", "path": "/to/zip", "was": "1"},
            {"op": "add", "path": "/to/street", "value": "Rua a/b"},
        ])
    );
    assert_eq!(
        fields(&newest),
        [
            ("/cents", 0),
            ("/status", 1),
            ("/to/city", 0),
            ("/to/street", 2)
        ]
    );
    let set_by = newest["set_by"].as_array().unwrap();
    let types: Vec<&Value> = set_by.iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["OrderPlaced", "OrderPaid", "OrderMoved"]);
    let first = get(&server, "/api/streams/order-1/state?version=0").await;
    assert_eq!(first["state"], events[0].1);
    assert_eq!(first["changes"][0]["path"], "");

    let back = get(&server, "/api/streams/order-1/state/changes?from=2&to=0").await;
    assert_eq!(
        back["changes"][0],
        json!({"op": "replace", "path": "/status", "value": "placed", "was": "paid"})
    );
    for (condition, version) in [
        ("data.status:paid", json!(1)),
        ("data.to.street:\"Rua a/b\"", json!(2)),
        ("data.cents>10000", Value::Null),
    ] {
        let path = format!(
            "/api/streams/order-1/state/first?condition={}",
            condition
                .replace('>', "%3E")
                .replace('"', "%22")
                .replace(' ', "%20")
        );
        let found = get(&server, &path).await;
        assert_eq!(found["version"], version, "{condition}");
    }
}

#[tokio::test]
async fn data_that_is_no_object_is_the_state_until_an_object_comes() {
    let server = Running::start().await;
    let events = [
        ("A", json!([1, 2])),
        ("B", json!("text")),
        ("C", json!({"a": 1})),
        ("D", json!(null)),
    ];
    append(&server, "odd-1", &events).await;
    for (version, (_, data)) in events.iter().enumerate() {
        let path = format!("/api/streams/odd-1/state?version={version}");
        assert_eq!(&get(&server, &path).await["state"], data);
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_makes_no_sense_is_refused_with_a_sentence() {
    let server = Running::start().await;
    append(&server, "order-1", &[("A", json!({}))]).await;
    for (path, status, detail) in [
        ("none-1/state", 404, "There is no stream none-1"),
        ("none-1/timeline", 404, "There is no stream none-1"),
        (
            "none-1/state/first?condition=data.a:1",
            404,
            "There is no stream none-1",
        ),
        ("order-1/state?version=1", 404, "ends at version 0"),
        ("order-1/state?version=-1", 400, "version"),
        ("order-1/state?version=x", 400, "version"),
        (
            "order-1/state/changes?from=0&to=7",
            404,
            "ends at version 0",
        ),
        ("order-1/state/changes?from=0", 400, "to"),
        ("order-1/state/first?condition=", 400, "data.status:paid"),
        ("order-1/state/first?condition=data.a%3E", 400, ""),
        ("order-1/timeline?marks=0", 400, "marks"),
        ("order-1/timeline?marks=5001", 400, "marks"),
    ] {
        let (found, body) = server.get(&format!("/api/streams/{path}")).await;
        assert_eq!(found, status, "{path}: {body}");
        let told = body["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{path}: {told}");
    }
}

#[tokio::test]
async fn a_long_stream_is_shown_by_some_of_its_events_and_its_states_are_right_anywhere() {
    let server = Running::start().await;
    let events: Vec<(&str, Value)> = (0..4_500)
        .map(|number| ("Counted", json!({"n": number, "tens": number / 10})))
        .collect();
    append(&server, "long-1", &events).await;
    // Twice: the second time from what was kept on the way.
    for version in [4_499, 2_000, 999, 1_000, 4_499, 1_001, 0] {
        let path = format!("/api/streams/long-1/state?version={version}");
        let state = get(&server, &path).await;
        assert_eq!(state["state"], json!({"n": version, "tens": version / 10}));
        assert_eq!(
            fields(&state),
            [("/n", version), ("/tens", version / 10 * 10)]
        );
    }
    let timeline = get(&server, "/api/streams/long-1/timeline?marks=100").await;
    let versions: Vec<i64> = timeline["marks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mark| mark["version"].as_i64().unwrap())
        .collect();
    assert_eq!(timeline["every"], 45);
    assert_eq!(&versions[..3], [0, 45, 90]);
    assert_eq!(versions.last(), Some(&4_499));
    let part = get(&server, "/api/streams/long-1/timeline?from=4400&to=9999").await;
    assert_eq!(
        (&part["every"], &part["from"], &part["to"]),
        (&json!(1), &json!(4_400), &json!(4_499))
    );
    assert_eq!(part["marks"].as_array().unwrap().len(), 100);
    let found = get(
        &server,
        "/api/streams/long-1/state/first?condition=data.tens%3E%3D321",
    )
    .await;
    assert_eq!(found["version"], 3_210);
    let never = get(
        &server,
        "/api/streams/long-1/state/first?condition=data.tens%3E999",
    )
    .await;
    assert_eq!(
        (
            &never["version"],
            &never["looked_up_to"],
            &never["last_version"]
        ),
        (&Value::Null, &json!(4_499), &json!(4_499))
    );
}

#[tokio::test]
async fn long_data_is_given_in_short_to_who_asks_for_that() {
    let server = Running::start().await;
    let text = "x".repeat(900_000);
    append(
        &server,
        "blob-1",
        &[
            ("Kept", json!({"name": "a", "text": text})),
            ("Small", json!({"text": "y"})),
        ],
    )
    .await;
    let events = get(&server, "/api/streams/blob-1/events?shorten=2000").await;
    let first = &events["events"][0];
    assert_eq!(first["data"]["name"], "a");
    let bytes = first["data_bytes"].as_i64().unwrap();
    assert!((900_000..900_100).contains(&bytes), "{bytes}");
    assert!(first["data"]["text"].as_str().unwrap().chars().count() < 200);
    assert!(events["events"][1].get("data_bytes").is_none(), "{events}");
    let id = first["id"].as_str().unwrap();
    let one = get(&server, &format!("/api/events/{id}?shorten=2000")).await;
    assert_eq!(&one["event"]["data_bytes"], &first["data_bytes"]);
    let whole = get(&server, &format!("/api/events/{id}")).await;
    assert_eq!(whole["event"]["data"]["text"], text);
    let log = get(&server, "/api/events?shorten=2000&filter=type%3AKept").await;
    assert_eq!(&log["events"][0]["data_bytes"], &first["data_bytes"]);
    let state = get(&server, "/api/streams/blob-1/state?shorten=2000").await;
    assert_eq!(state["state"]["text"], "y");
    let was = state["changes"][0]["was"].as_str().unwrap();
    assert!(was.starts_with("xxx") && was.chars().count() < 200, "{was}");
    let (status, body) = server.get("/api/events?shorten=10").await;
    assert_eq!(status, 400, "{body}");
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("1000 bytes or more"),
        "{body}"
    );
}

/// Who does not want to wait is told how far a long stream is, and comes further with each call.
#[tokio::test]
async fn a_long_streams_state_is_folded_over_several_calls() {
    let server = Running::start().await;
    let events: Vec<(&str, Value)> = (0..6_500)
        .map(|number| ("Counted", json!({"n": number, "last": number % 10})))
        .collect();
    append(&server, "counter-1", &events).await;
    let mut folded = Vec::new();
    let state = loop {
        let path = "/api/streams/counter-1/state?within_ms=1&version=6400";
        let (status, body) = server.get(path).await;
        if status == 200 {
            break body;
        }
        assert_eq!(status, 202, "{body}");
        assert_eq!(body["stream"], "counter-1");
        assert_eq!(body["version"], 6_400);
        folded.push(body["folded_to"].as_i64().unwrap());
    };
    assert!(folded.len() > 1 && folded.is_sorted(), "{folded:?}");
    assert_eq!(folded.iter().filter(|to| **to % 1_000 != 999).count(), 0);
    assert_eq!(state["state"], json!({"n": 6_400, "last": 0}));
    let whole = get(&server, "/api/streams/counter-1/state?version=6400").await;
    assert_eq!(whole, state);
    for wrong in ["0", "10001", "soon"] {
        let path = format!("/api/streams/counter-1/state?within_ms={wrong}");
        assert_eq!(server.get(&path).await.0, 400, "{wrong}");
    }
}
