//! What can't be asked of read models, or ordered, is refused with what could be.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::refused::is_refused;
use crate::running::{Running, answer};
use crate::totals::{TOTALS, append, handled, order, placed, put, until};

#[tokio::test]
async fn definition_that_is_wrong_is_refused_where_it_is_wrong() {
    let server = Running::start().await;
    append(&server, "order-1", placed("c", &json!(1))).await;
    let other = |from: &str, to: &str| TOTALS.replace(from, to);
    let count = "sum((select count(*) from highwater.events)::int + case";
    let table: [(String, (u64, u64), &str); 10] = [
        (other("into totals\n", "into sums\n"), (6, 13), "sums"),
        (other("from events", "form events"), (8, 6), "syntax error"),
        (other("(customer text", "(customer txt"), (4, 31), "txt"),
        (other(": slice", ": slices"), (5, 15), "slice"),
        (
            other("events Order", "describe Order"),
            (2, 15),
            "stands twice",
        ),
        (
            other(
                "-- highwater: events OrderPlaced, OrderCancelled
",
                "",
            ),
            (1, 1),
            "events",
        ),
        (other("sum(case", count), (7, 53), "permission denied"),
        (format!("{TOTALS}commit;"), (10, 1), "commit"),
        (format!("{TOTALS}set role postgres;"), (10, 1), "set"),
        (String::new(), (1, 1), "events"),
    ];
    for (text, place, says) in table {
        let refused = put(&server, "totals", &text).await;
        let problem = refused.1.clone();
        is_refused(refused, 422, "bad_definition", &[says]);
        let number = |field: &str| problem[field].as_u64().unwrap();
        assert_eq!((number("line"), number("column")), place, "{problem}");
    }
    let (_, listed) = server.get("/api/read-models").await;
    assert_eq!(listed, json!([]), "nothing of it is kept");
    let not_text = server
        .request("PUT", "/api/read-models/totals")
        .body(vec![0xff_u8, 0xfe]);
    is_refused(answer(not_text).await, 422, "bad_definition", &["UTF-8"]);
    let large = format!("{TOTALS}-- {}", "x".repeat(300 << 10));
    is_refused(
        put(&server, "totals", &large).await,
        413,
        "body_too_large",
        &["256 KiB"],
    );
}

#[tokio::test]
async fn name_that_can_not_be_or_is_taken_is_refused() {
    let server = Running::start().await;
    for name in [
        "Totals",
        "public",
        "pg_totals",
        "a__b",
        "highwater",
        "1a",
        "a-b",
        "%00",
    ] {
        is_refused(put(&server, name, TOTALS).await, 422, "bad_name", &[]);
    }
    let mut database = PgConnection::connect(&server.database_url).await.unwrap();
    sqlx::raw_sql("create schema totals")
        .execute(&mut database)
        .await
        .unwrap();
    is_refused(
        put(&server, "totals", TOTALS).await,
        409,
        "schema_taken",
        &["schema totals"],
    );
    let (status, _) = put(&server, "other", TOTALS).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn unknown_read_model_is_told_by_name() {
    let server = Running::start().await;
    for path in ["", "?position=0", "/lag", "/rows", "/failures"] {
        for name in ["nothing", "No%20thing", "%00", "pg_catalog"] {
            let found = server.get(&format!("/api/read-models/{name}{path}")).await;
            is_refused(found, 404, "not_found", &["no read model"]);
        }
    }
    for what in ["pause", "resume", "failures/1/retry", "failures/1/skip"] {
        let found = order(&server, what, &json!({"reason": "a look"})).await;
        is_refused(found, 404, "not_found", &["totals"]);
    }
}

#[tokio::test]
async fn queries_of_a_read_model_that_can_not_be_answered_say_what_can() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let last = append(&server, "order-1", placed("c", &json!(1))).await;
    handled(&server, last).await;
    let table: [(&str, &[&str]); 17] = [
        ("?position=-1", &["position is 0 or more"]),
        ("?position=one", &["position"]),
        ("?wait=1&position=1", &["give position, or wait"]),
        ("?timeout=1", &["give position, or wait"]),
        ("?wait=1&timeout=60", &["timeout is 0 to 25"]),
        ("?colour=red", &["colour"]),
        ("/lag?step=7", &["1, 10 or 60"]),
        ("/lag?since=now", &["since"]),
        ("/failures?limit=0", &["limit is 1 to 1000"]),
        ("/failures?before=-1", &["before is 0 or more"]),
        ("/rows?limit=5000", &["limit is 1 to 1000"]),
        ("/rows?version=next", &["live", "previous"]),
        ("/rows?order=colour", &["colour", "customer, orders, cents"]),
        ("/rows?direction=down", &["forward", "backward"]),
        ("/rows?cursor=nonsense", &["cursor"]),
        ("/rows?cursor=%5B%22a%22%2C%22b%22%5D", &["cursor"]),
        (
            "/rows?order=cents&cursor=%5B%22a%22%2C%22b%22%5D",
            &["cursor"],
        ),
    ];
    for (query, says) in table {
        let found = server.get(&format!("/api/read-models/totals{query}")).await;
        is_refused(found, 400, "bad_query", says);
    }
    let found = server.get("/api/read-models/totals/rows?table=total").await;
    is_refused(found, 404, "not_found", &["total", "it has: totals"]);
    let found = server
        .get("/api/read-models/totals/rows?version=previous")
        .await;
    is_refused(found, 404, "not_found", &["previous", "it has: live"]);
    for query in ["position=99", "wait=99&timeout=25"] {
        let found = server
            .get(&format!("/api/read-models/totals?{query}"))
            .await;
        is_refused(found, 422, "beyond_head", &["ends at 1"]);
    }
    for query in [
        "read_model=%00",
        "action=%00",
        "actor=%00",
        "job=-1",
        "job=x",
        "before=x",
        "limit=0",
    ] {
        is_refused(
            server.get(&format!("/api/actions?{query}")).await,
            400,
            "bad_query",
            &[],
        );
    }
}

#[tokio::test]
async fn orders_that_are_not_understood_or_do_not_fit_change_nothing() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let last = append(&server, "order-1", placed("c", &json!(1))).await;
    handled(&server, last).await;
    until(&server, |read_model| read_model["state"] == "live").await;
    let path = "/api/read-models/totals/pause";
    is_refused(server.post(path, "pause it").await, 400, "bad_json", &[]);
    is_refused(server.post(path, "[]").await, 422, "bad_fields", &[]);
    let table: [(&str, Value, u16, &str, &[&str]); 9] = [
        (
            "pause",
            json!({"why": "a look"}),
            422,
            "bad_fields",
            &["why", "reason"],
        ),
        (
            "pause",
            json!({"reason": 1}),
            422,
            "bad_fields",
            &["string"],
        ),
        (
            "pause",
            json!({"reason": "x".repeat(1_001)}),
            422,
            "bad_reason",
            &["1000"],
        ),
        (
            "pause",
            json!({"reason": "\0"}),
            422,
            "bad_reason",
            &["NUL"],
        ),
        (
            "resume",
            json!({}),
            409,
            "refused",
            &["is not paused", "nothing was changed"],
        ),
        (
            "failures/1/retry",
            json!({}),
            409,
            "refused",
            &["on no failed event"],
        ),
        (
            "failures/1/skip",
            json!({"reason": "  "}),
            422,
            "reason_missing",
            &["reason"],
        ),
        (
            "failures/1/skip",
            json!({"reason": "a"}),
            409,
            "refused",
            &["on no failed event"],
        ),
        (
            "failures/one/skip",
            json!({"reason": "a"}),
            400,
            "bad_path",
            &["one"],
        ),
    ];
    for (what, body, status, kind, says) in table {
        is_refused(order(&server, what, &body).await, status, kind, says);
    }
    let (_, actions) = server
        .get("/api/actions?actor=local&action=define&read_model=totals")
        .await;
    assert_eq!(actions.as_array().map(Vec::len), Some(1), "{actions}");
    let (_, actions) = server.get("/api/actions").await;
    assert_eq!(
        actions.as_array().map(Vec::len),
        Some(1),
        "what was refused is no action: {actions}"
    );
}

#[tokio::test]
async fn definition_of_the_folder_that_is_refused_is_told_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("totals.sql");
    std::fs::write(&file, TOTALS.replace("from events", "form events")).unwrap();
    let server = Running::with_folder(folder.path()).await;
    let refused = async |is: &dyn Fn(&Value) -> bool| {
        loop {
            let (status, refused) = server.get("/api/definitions/refused").await;
            assert_eq!(status, 200);
            if is(&refused) {
                return refused;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let told = refused(&|refused| refused[0].is_object()).await;
    assert_eq!(told[0]["name"], "totals");
    let problem = told[0]["problem"].as_str().unwrap();
    assert!(problem.contains("line 8"), "{problem}");
    std::fs::write(&file, TOTALS).unwrap();
    refused(&|refused| *refused == json!([])).await;
    until(&server, |read_model| read_model["state"] == "live").await;
}
