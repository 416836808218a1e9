//! The trace of an append: its events keep it, and it makes no other event of one that is sent again.

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::running::{Running, answer};

const ID: &str = "0190b0a4-7c1e-7d33-8a41-0242ac120002";
const FIRST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const SECOND: &str = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01";

fn event(metadata: &Value) -> Value {
    json!([{"id": ID, "type": "A", "data": {"n": 1}, "metadata": metadata}])
}

async fn append(server: &Running, trace: Option<&str>, events: &Value) -> (StatusCode, Value) {
    let mut request = server.request("POST", "/api/streams/order-1/events");
    if let Some(trace) = trace {
        request = request.header("traceparent", trace);
    }
    answer(request.body(events.to_string())).await
}

async fn metadata(server: &Running, stream: &str) -> Value {
    let path = format!("/api/streams/{stream}/events");
    let (_, mut page) = server.get(&path).await;
    page["events"][0]["metadata"].take()
}

#[tokio::test]
async fn an_event_that_is_sent_again_in_another_trace_is_the_same_event() {
    let server = Running::start().await;
    let sent = event(&json!({"note": "n"}));
    let (status, first) = append(&server, Some(FIRST), &sent).await;
    assert_eq!(status, 201, "{first}");
    for trace in [Some(FIRST), Some(SECOND), None] {
        let (status, again) = append(&server, trace, &sent).await;
        assert_eq!((status.as_u16(), &again), (200, &first), "{trace:?}");
    }
    let kept = json!({"note": "n", "traceparent": FIRST});
    assert_eq!(metadata(&server, "order-1").await, kept);

    let other = event(&json!({"note": "another"}));
    let (status, refused) = append(&server, Some(FIRST), &other).await;
    assert_eq!(status, 409, "{refused}");

    let line = server.export().await.replace(FIRST, SECOND);
    assert!(line.contains(SECOND));
    let import = server.request("POST", "/api/import").body(line);
    let said = import.send().await.unwrap().text().await.unwrap();
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["imported"], &last["skipped"]),
        (&json!(0), &json!(1)),
        "{said}"
    );

    let mut connection = PgConnection::connect(&server.database_url).await.unwrap();
    let versions: Vec<i64> = sqlx::query_scalar(
        "select * from highwater.append(stream => 'order-1', expected_version => -2, events => $1)",
    )
    .bind(&sent)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(versions, [0]);
}

#[tokio::test]
async fn what_the_writer_says_of_a_trace_stays() {
    let server = Running::start().await;
    let own = json!({"traceparent": SECOND});
    let (status, said) = append(&server, Some(FIRST), &event(&own)).await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(metadata(&server, "order-1").await, own);

    let cloud_event = json!({
        "specversion": "1.0", "id": "0190b0a4-7c1e-7d33-8a41-0242ac120003", "source": "/tests", "type": "A", "subject": "order-2",
        "traceparent": SECOND, "data": {}
    });
    let request = server
        .request("POST", "/api/events")
        .header("content-type", "application/cloudevents+json")
        .header("traceparent", FIRST);
    let (status, said) = answer(request.body(cloud_event.to_string())).await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(metadata(&server, "order-2").await["traceparent"], SECOND);
}

#[tokio::test]
async fn a_header_that_is_no_traceparent_is_left_out() {
    let server = Running::start().await;
    let (status, said) = append(&server, Some("00-trace-me-01"), &event(&Value::Null)).await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(metadata(&server, "order-1").await, json!({}));
}
