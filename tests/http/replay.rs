//! A replay and the rebuild of one stream through the API, and what is refused of them.

use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::Running;
use crate::totals::{TOTALS, handled, order, put, some_orders};

/// Each order as it was last seen; seen again, it is the same.
const SEEN: &str = "-- highwater: events OrderPlaced
-- highwater: replay-safe
-- highwater: key stream
-- highwater: tables
create table seen (stream text primary key, cents bigint not null);
-- highwater: slice
insert into seen select stream, (data->>'cents')::bigint from events on conflict (stream) do update set cents = excluded.cents;
";

/// A server with rows of six orders; the position of its last event.
pub(crate) async fn seen() -> (Running, i64) {
    let server = Running::start().await;
    let last = some_orders(&server).await;
    put(&server, "totals", SEEN).await;
    handled(&server, last).await;
    (server, last)
}

async fn over(server: &Running, id: &Value) -> Value {
    loop {
        let (_, job) = server.get(&format!("/api/jobs/{id}")).await;
        if job["state"] != "running" {
            return job;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn actions(server: &Running, kind: &str) -> Value {
    let path = format!("/api/actions?read_model=totals&action={kind}");
    server.get(&path).await.1
}

#[tokio::test]
async fn replay_is_planned_ordered_and_verified() {
    let (server, _) = seen().await;
    let (status, plan) = order(&server, "plan", &json!({"kind": "replay", "from": 3})).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(
        (&plan["from"], &plan["matching"]),
        (&json!(3), &json!(5)),
        "{plan}"
    );
    let (status, job) = order(
        &server,
        "replay",
        &json!({"plan": plan, "reason": "rows were edited"}),
    )
    .await;
    assert_eq!(
        (status.as_u16(), &job["kind"]),
        (202, &json!("replay")),
        "{job}"
    );
    let job = over(&server, &job["id"]).await;
    assert_eq!(
        (&job["state"], &job["done"]),
        (&json!("done"), &json!(5)),
        "{job}"
    );
    let told = actions(&server, "replay").await;
    assert_eq!(
        (&told[0]["reason"], &told[1]["outcome"]),
        (&json!("rows were edited"), &json!("begun")),
        "{told}"
    );

    let (_, page) = server.get("/api/events?limit=1").await;
    let since = &page["events"][0]["recorded_at"];
    let (status, plan) = order(&server, "plan", &json!({"kind": "replay", "since": since})).await;
    assert_eq!((status.as_u16(), &plan["from"]), (200, &json!(1)), "{plan}");
}

#[tokio::test]
async fn rows_of_one_stream_are_made_again() {
    let (server, _) = seen().await;
    let body = json!({"stream": "order-4", "reason": "its row was edited"});
    let (status, job) = order(&server, "rebuild-part", &body).await;
    assert_eq!(
        (status.as_u16(), &job["kind"], &job["state"]),
        (200, &json!("rebuild_part"), &json!("done")),
        "{job}"
    );
    let told = actions(&server, "rebuild_part").await;
    assert_eq!(told[0]["reason"], "its row was edited", "{told}");
    for (body, status, kind) in [
        (json!({"category": "order", "reason": "x"}), 409, "refused"),
        (json!({"stream": "order-4"}), 422, "reason_missing"),
        (json!({"reason": "x"}), 422, "part_missing"),
        (
            json!({"stream": "order-4", "category": "order", "reason": "x"}),
            422,
            "part_missing",
        ),
        (
            json!({"streams": ["order-4"], "reason": "x"}),
            422,
            "bad_fields",
        ),
    ] {
        is_refused(
            order(&server, "rebuild-part", &body).await,
            status,
            kind,
            &[],
        );
    }
}

#[tokio::test]
async fn replay_that_can_not_be_is_refused_and_nothing_is_changed() {
    let (server, last) = seen().await;
    for (body, status, kind) in [
        (json!({"kind": "replay"}), 422, "bad_start"),
        (json!({"from": 1}), 422, "bad_start"),
        (
            json!({"kind": "replay", "from": 1, "since": "2026-01-01T00:00:00Z"}),
            422,
            "bad_start",
        ),
        (json!({"kind": "replay", "from": last + 1}), 409, "refused"),
        (json!({"kind": "replay", "from": 0}), 409, "refused"),
        (
            json!({"kind": "replay", "since": "soon"}),
            422,
            "bad_fields",
        ),
        (json!({"kind": "again"}), 422, "bad_fields"),
    ] {
        is_refused(order(&server, "plan", &body).await, status, kind, &[]);
    }
    is_refused(
        order(&server, "replay", &json!({"reason": "x"})).await,
        422,
        "plan_missing",
        &["A replay is ordered with its plan"],
    );
    let (_, plan) = order(&server, "plan", &json!({"kind": "replay", "from": 1})).await;
    is_refused(
        order(&server, "replay", &json!({"plan": plan})).await,
        422,
        "reason_missing",
        &[],
    );
    order(&server, "pause", &json!({})).await;
    let body = json!({"plan": plan, "reason": "x"});
    is_refused(
        order(&server, "replay", &body).await,
        409,
        "refused",
        &["paused", "resume it first"],
    );
    assert_eq!(actions(&server, "replay").await, json!([]));

    let counts = Running::start().await;
    let last = some_orders(&counts).await;
    put(&counts, "totals", TOTALS).await;
    handled(&counts, last).await;
    let refused = order(&counts, "plan", &json!({"kind": "replay", "from": 1})).await;
    is_refused(
        refused,
        409,
        "refused",
        &["replay-safe", "rebuild it instead"],
    );
}
