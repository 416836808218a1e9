//! Read models through the API: the whole life of one, and orders that come twice.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::Running;
use crate::totals::{TOTALS, append, handled, order, placed, put, some_orders, until};

/// What the totals must be: a fold of the log.
async fn fold(server: &Running) -> BTreeMap<String, (i64, i64)> {
    let mut totals: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for line in server.export().await.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let sign = match event["type"].as_str().unwrap() {
            "OrderPlaced" => 1,
            "OrderCancelled" => -1,
            _ => continue,
        };
        let Some(cents) = event["data"]["cents"].as_i64() else {
            continue;
        };
        let customer = event["data"]["customer"].as_str().unwrap().to_owned();
        let total = totals.entry(customer).or_default();
        *total = (total.0 + sign, total.1 + sign * cents);
    }
    totals
}

/// What they are.
async fn rows(server: &Running) -> BTreeMap<String, (i64, i64)> {
    let (status, page) = server.get("/api/read-models/totals/rows").await;
    assert_eq!(status, 200, "{page}");
    let rows = page["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let number = |name: &str| row[name].as_i64().unwrap();
            (
                row["customer"].as_str().unwrap().to_owned(),
                (number("orders"), number("cents")),
            )
        })
        .collect()
}

/// What the audit log tells: actions with their reasons, the newest first.
async fn story(server: &Running) -> Vec<(String, String)> {
    let (_, actions) = server.get("/api/actions?read_model=totals").await;
    let actions = actions.as_array().unwrap();
    let text = |action: &Value, field: &str| action[field].as_str().unwrap_or_default().to_owned();
    assert!(
        actions
            .iter()
            .all(|action| action["actor"] == "local" && action["outcome"] == "done"),
        "{actions:?}"
    );
    actions
        .iter()
        .map(|action| (text(action, "action"), text(action, "reason")))
        .collect()
}

fn told(story: &[(&str, &str)]) -> Vec<(String, String)> {
    story
        .iter()
        .map(|&(action, reason)| (action.to_owned(), reason.to_owned()))
        .collect()
}

#[tokio::test]
async fn read_model_is_defined_and_redefined_paused_and_resumed() {
    let server = Running::start().await;
    let last = some_orders(&server).await;
    let (status, defined) = put(&server, "totals", TOTALS).await;
    assert_eq!(
        (status.as_u16(), &defined["outcome"]),
        (201, &json!("started")),
        "{defined}"
    );
    handled(&server, last).await;
    assert_eq!(rows(&server).await, fold(&server).await);
    let (_, read_model) = server.get("/api/read-models/totals").await;
    assert_eq!(
        (
            &read_model["describe"],
            &read_model["versions"][0]["events"]
        ),
        (
            &json!("Totals per customer"),
            &json!(["OrderPlaced", "OrderCancelled"])
        )
    );
    let (_, listed) = server.get("/api/read-models").await;
    assert_eq!(listed[0]["versions"], read_model["versions"]);
    let (status, defined) = put(&server, "totals", TOTALS).await;
    assert_eq!(
        (status.as_u16(), &defined["outcome"]),
        (200, &json!("unchanged")),
        "{defined}"
    );
    let changed = TOTALS.replace("Totals per", "What was sold per");
    let (status, defined) = put(&server, "totals?reason=better+words", &changed).await;
    assert_eq!(
        (status.as_u16(), &defined["outcome"]),
        (202, &json!("waiting")),
        "{defined}"
    );

    let (status, paused) = order(&server, "pause", &json!({"reason": "a look"})).await;
    assert_eq!(
        (status.as_u16(), &paused["state"]),
        (200, &json!("paused")),
        "{paused}"
    );
    assert_eq!(paused["reason"], "by local: a look");
    let late = append(&server, "order-9", placed("c9", &json!(5))).await;
    let (_, answer) = server
        .get(&format!("/api/read-models/totals?wait={late}&timeout=1"))
        .await;
    assert_eq!(answer["handled"], false, "{answer}");
    let (_, answer) = server
        .get(&format!("/api/read-models/totals?position={last}"))
        .await;
    assert_eq!(
        (&answer["handled"], &answer["checkpoint"]),
        (&json!(true), &json!(last))
    );
    let (status, resumed) = order(&server, "resume", &json!({})).await;
    assert_eq!(status, 200, "{resumed}");
    handled(&server, late).await;
    assert_eq!(rows(&server).await, fold(&server).await);
    assert_eq!(
        story(&server).await,
        told(&[
            ("resume", ""),
            ("pause", "a look"),
            ("define", "better words"),
            ("define", "")
        ])
    );
    let (_, history) = server.get("/api/read-models/totals/lag?step=1").await;
    assert!(
        history
            .as_array()
            .unwrap()
            .iter()
            .all(|point| point["matching"].is_i64()),
        "{history}"
    );
}

#[tokio::test]
async fn event_that_fails_is_retried_and_skipped_on_record() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    append(&server, "order-9", placed("c9", &json!(5))).await;
    let bad = append(&server, "order-9", placed("c9", &json!("many"))).await;
    let after = append(&server, "order-9", placed("c9", &json!(7))).await;
    let faulted = until(&server, |read_model| read_model["state"] == "faulted").await;
    assert_eq!(faulted["stands_on"]["position"], bad, "{faulted}");
    let (_, failures) = server.get("/api/read-models/totals/failures").await;
    assert_eq!(
        (
            &failures[0]["position"],
            &failures[0]["sqlstate"],
            &failures[0]["outcome"]
        ),
        (&json!(bad), &json!("22P02"), &json!("open"))
    );
    is_refused(
        order(&server, "resume", &json!({})).await,
        409,
        "refused",
        &["retry that event or skip it"],
    );
    let (status, _) = order(&server, &format!("failures/{bad}/retry"), &json!({})).await;
    assert_eq!(status, 200);
    until(&server, |read_model| {
        read_model["stands_on"]["attempts"] == 2 && read_model["state"] == "faulted"
    })
    .await;
    let skip = format!("failures/{bad}/skip");
    let refused = order(&server, &skip, &json!({})).await;
    is_refused(refused, 422, "reason_missing", &["reason"]);
    let (status, skipped) = order(&server, &skip, &json!({"reason": "cents are no number"})).await;
    assert_eq!(status, 200, "{skipped}");
    handled(&server, after).await;
    assert_eq!(
        rows(&server).await,
        fold(&server).await,
        "all but the one that was left out"
    );
    let (_, failures) = server.get("/api/read-models/totals/failures").await;
    assert_eq!(failures[0]["outcome"], "skipped");
    assert_eq!(
        story(&server).await,
        told(&[
            ("skip", "cents are no number"),
            ("retry", ""),
            ("define", "")
        ])
    );
    for (position, handled) in [(bad, false), (after, true)] {
        let (_, page) = server
            .get(&format!("/api/events?after={}&limit=1", position - 1))
            .await;
        let id = page["events"][0]["id"].as_str().unwrap();
        let (_, event) = server.get(&format!("/api/events/{id}")).await;
        assert_eq!(
            event["handled_by"],
            json!([{"name": "totals", "handled": handled}])
        );
    }
}

#[tokio::test]
async fn of_two_who_order_the_same_the_second_is_told_what_happened() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let bad = append(
        &server,
        "order-1",
        json!({"type": "OrderPlaced", "data": {"customer": "c", "cents": "many"}}),
    )
    .await;
    until(&server, |read_model| read_model["state"] == "faulted").await;
    let skip = format!("failures/{bad}/skip");
    for (what, reason) in [
        (&*skip, "left out"),
        ("pause", "a look"),
        ("resume", "seen"),
    ] {
        let body = json!({"reason": reason});
        let (one, other) = tokio::join!(order(&server, what, &body), order(&server, what, &body));
        let (first, second) = if one.0 == 200 {
            (one, other)
        } else {
            (other, one)
        };
        assert_eq!(first.0, 200, "{what}: {}", first.1);
        is_refused(second, 409, "refused", &["nothing was changed"]);
    }
    let (_, actions) = server.get("/api/actions?read_model=totals&limit=3").await;
    let told: Vec<_> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| &action["action"])
        .collect();
    assert_eq!(told, ["resume", "pause", "skip"], "each once");
}
