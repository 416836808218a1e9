//! Trying a definition on stored events, through the API and on the command line.

use serde_json::{Value, json};

use crate::command;
use crate::refused::is_refused;
use crate::running::{Running, answer};
use crate::totals::{TOTALS, append, placed, some_orders};

/// Remembers the size of the last slice only.
fn depends_on_slicing() -> String {
    TOTALS.replace(
        "orders = totals.orders + excluded.orders",
        "orders = excluded.orders",
    )
}

async fn check(server: &Running, text: &str) -> (reqwest::StatusCode, Value) {
    let path = "/api/read-models/totals/check?seed=7";
    answer(server.request("POST", path).body(text.to_owned())).await
}

#[tokio::test]
async fn definition_that_depends_on_slicing_is_found_out_and_nothing_is_kept() {
    let server = Running::start().await;
    some_orders(&server).await;
    let (status, report) = check(&server, TOTALS).await;
    assert_eq!(
        (status.as_u16(), &report["events"], &report["differences"]),
        (200, &json!(8), &json!([])),
        "{report}"
    );
    let (status, report) = check(&server, &depends_on_slicing()).await;
    assert_eq!(status, 200, "{report}");
    assert_eq!(
        (
            &report["differences"][0]["table"],
            &report["differences"][0]["slicing"]
        ),
        (&json!("totals"), &json!("slices of one event"))
    );
    is_refused(
        check(&server, "select 1").await,
        422,
        "bad_definition",
        &["line 1"],
    );
    let bad = append(&server, "order-1", placed("c", &json!("many"))).await;
    is_refused(
        check(&server, TOTALS).await,
        409,
        "refused",
        &[&format!("event {bad}")],
    );
    let too_many = server
        .request("POST", "/api/read-models/totals/check?events=10001")
        .body(TOTALS);
    is_refused(answer(too_many).await, 400, "bad_query", &["1 to 10000"]);
    let (_, listed) = server.get("/api/read-models").await;
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn command_fails_when_a_definition_is_wrong_or_depends_on_slicing() {
    let server = Running::start().await;
    some_orders(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("totals.sql");
    let right = command::check(&server, &file, TOTALS).await;
    assert!(right.status.success(), "{right:?}");
    let report: Value = serde_json::from_slice(&right.stdout).unwrap();
    assert_eq!(report["events"], 8);
    for (text, says) in [
        (depends_on_slicing(), "totals: "),
        (
            TOTALS.replace("into totals\n", "into sums\n"),
            "line 6, column 13",
        ),
        (
            TOTALS.replace("Order", "Nothing"),
            "no event that it handles",
        ),
    ] {
        let wrong = command::check(&server, &file, &text).await;
        let said = String::from_utf8_lossy(&wrong.stderr);
        assert!(!wrong.status.success() && said.contains(says), "{said}");
    }
}
