//! Rows of a read model, page by page.

use reqwest::Url;
use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::{Running, answer};
use crate::totals::append;

/// Names that have to be quoted, columns without a value, one without an order; and a table without a key.
const ODD: &str = r#"-- highwater: events Odd
-- highwater: tables
create table "Odd ""table""" ("a key" bigint primary key, "t" text, note text, doc json, amount numeric(20, 2));
create table keyless (n bigint, note text);
-- highwater: each
insert into "Odd ""table""" select position, stream, data->>'note', data::json, 12345678901234567.10 from event;
insert into keyless select position, data->>'note' from event;
"#;

const EVENTS: i64 = 17;

async fn odd() -> Running {
    let server = Running::start().await;
    let mut last = 0;
    for n in 0..EVENTS {
        let note = if n % 3 == 0 {
            Value::Null
        } else {
            json!(format!("{:02}", n % 4))
        };
        last = append(
            &server,
            "odd-1",
            json!({"type": "Odd", "data": {"note": note}}),
        )
        .await;
    }
    let put = server.request("PUT", "/api/read-models/odd").body(ODD);
    assert_eq!(answer(put).await.0, 201);
    let (_, answer) = server
        .get(&format!("/api/read-models/odd?wait={last}&timeout=25"))
        .await;
    assert_eq!(answer["handled"], true, "{answer}");
    server
}

async fn page(server: &Running, params: &[(&str, &str)]) -> (reqwest::StatusCode, Value) {
    let url = Url::parse_with_params("http://here/", params).unwrap();
    server
        .get(&format!(
            "/api/read-models/odd/rows?{}",
            url.query().unwrap()
        ))
        .await
}

/// All rows, three a page.
async fn all(server: &Running, params: &[(&str, &str)]) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut params = params.to_vec();
        params.push(("limit", "3"));
        if let Some(cursor) = &next {
            params.push(("cursor", cursor));
        }
        let (status, page) = page(server, &params).await;
        assert_eq!(status, 200, "{page}");
        rows.extend(page["rows"].as_array().unwrap().iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
        if next.is_none() {
            return rows;
        }
    }
}

#[tokio::test]
async fn pages_in_every_order_have_each_row_once() {
    let server = odd().await;
    for table in ["Odd \"table\"", "keyless"] {
        let key = if table == "keyless" { "n" } else { "a key" };
        for direction in ["forward", "backward"] {
            for order in ["", key, "note"] {
                let params = [("table", table), ("order", order), ("direction", direction)];
                let rows = all(&server, &params).await;
                let mut keys: Vec<i64> =
                    rows.iter().map(|row| row[key].as_i64().unwrap()).collect();
                // No value is greater than every value.
                let notes: Vec<(bool, &str)> = rows
                    .iter()
                    .map(|row| {
                        (
                            row["note"].is_null(),
                            row["note"].as_str().unwrap_or_default(),
                        )
                    })
                    .collect();
                let sorted = match (order, direction) {
                    ("note", "forward") => notes.is_sorted(),
                    ("note", _) => notes.iter().rev().is_sorted(),
                    (_, "forward") => keys.is_sorted(),
                    _ => keys.iter().rev().is_sorted(),
                };
                assert!(sorted, "{params:?}: {rows:?}");
                keys.sort_unstable();
                assert_eq!(keys, (1..=EVENTS).collect::<Vec<_>>(), "{params:?}");
            }
        }
    }
}

#[tokio::test]
async fn page_names_tables_and_columns_and_keeps_digits() {
    let server = odd().await;
    let text = server
        .request("GET", "/api/read-models/odd/rows?limit=1")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains("12345678901234567.10"), "{text}");
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        page["table"], "Odd \"table\"",
        "the first that the definition makes"
    );
    assert_eq!(page["tables"], json!(["Odd \"table\"", "keyless"]));
    assert_eq!(
        page["columns"][0],
        json!({"name": "a key", "type": "bigint", "key": true})
    );
    assert_eq!(
        page["columns"][4],
        json!({"name": "amount", "type": "numeric(20,2)", "key": false})
    );
}

#[tokio::test]
async fn what_has_no_order_or_is_not_there_is_refused() {
    let server = odd().await;
    is_refused(
        page(&server, &[("order", "doc")]).await,
        400,
        "bad_query",
        &["json", "has no order"],
    );
    for table in [
        "events",
        "event",
        "odd.keyless",
        "highwater.events",
        "keyless; drop table keyless",
        "\0",
    ] {
        let found = page(&server, &[("table", table)]).await;
        is_refused(found, 404, "not_found", &["keyless"]);
    }
    for column in ["note desc", "\"note\"", "ctid", "1"] {
        let found = page(&server, &[("order", column)]).await;
        is_refused(found, 400, "bad_query", &["has no column", "note"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_a_value_are_found_by_any_column() {
    let server = odd().await;
    let by_key = all(&server, &[("order", "a key"), ("equals", "3")]).await;
    assert_eq!(by_key.len(), 1, "{by_key:#?}");
    assert_eq!(by_key[0]["a key"], 3);
    // Several, page by page.
    let by_note = all(&server, &[("order", "note"), ("equals", "01")]).await;
    let everything = all(&server, &[]).await;
    let wanted = everything.iter().filter(|row| row["note"] == "01").count();
    assert!(wanted > 2);
    assert_eq!(by_note.len(), wanted);
    assert!(by_note.iter().all(|row| row["note"] == "01"));
    let nobody = all(
        &server,
        &[("order", "note"), ("equals", "'; drop table x; --")],
    )
    .await;
    assert_eq!(nobody, [Value::Null; 0]);

    for (params, says) in [
        (vec![("equals", "3")], "equals needs order"),
        (
            vec![("order", "a key"), ("equals", "three")],
            "no value of a key",
        ),
        (
            vec![("order", "a key"), ("equals", "\u{0}")],
            "no value of a key",
        ),
    ] {
        let (status, problem) = page(&server, &params).await;
        assert_eq!(status, 400, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail}");
        assert_eq!(problem["parameter"], "equals");
    }
}
