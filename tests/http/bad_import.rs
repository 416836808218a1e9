//! Lines that an import stops at, and lines that it only seems it should.

use serde_json::{Value, json};

use crate::running::Running;

const ID: &str = "01890000-0000-7000-8000-000000000001";

fn line(id: &str, data: &str) -> String {
    format!(r#"{{"stream":"a-1","type":"A","id":"{id}","data":{data}}}"#) + "\n"
}

/// An import's last line.
async fn import(server: &Running, body: impl Into<String>) -> Value {
    server.import(body).await.pop().unwrap()
}

#[tokio::test]
async fn each_bad_line_is_refused_with_its_number() {
    let server = Running::start().await;
    let good = line(ID, "1");
    let id = "01890000-0000-7000-8000-000000000002";
    let table: Vec<(String, &str, &[&str])> = vec![
        ("{".into(), "bad_json", &["EOF", "Send JSON"]),
        (
            r#"["a-1","A",null,null,1]"#.into(),
            "bad_fields",
            &["expected a line: an object"],
        ),
        (
            r#"{"stream":1,"type":"A","data":1}"#.into(),
            "bad_fields",
            &["string"],
        ),
        (
            r#"{"stream":"a-1","type":"A"}"#.into(),
            "bad_fields",
            &["missing field `data`"],
        ),
        (
            r#"{"stream":"a-1","type":"A","data":1,"colour":"red"}"#.into(),
            "bad_fields",
            &["unknown field `colour`"],
        ),
        (
            r#"{"stream":"a\u0000","type":"A","data":1}"#.into(),
            "bad_fields",
            &["control characters"],
        ),
        (line(id, r#""\u0000""#), "not_storable", &["\\u0000"]),
        (
            line(
                id,
                &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
            ),
            "too_deep",
            &["64 levels"],
        ),
        (
            line(id, &format!("\"{}\"", "x".repeat(2 << 20))),
            "event_too_large",
            &["is the most"],
        ),
        ("x".repeat(8 << 20), "line_too_long", &["one event a line"]),
        (line(ID, "2"), "id_reused", &[ID, "new id"]),
    ];
    for (bad, kind, says) in table {
        let problem = import(&server, format!("{good}\n{bad}\n{}", line(id, "3"))).await;
        assert_eq!(
            (&problem["type"], &problem["line"]),
            (&json!(kind), &json!(3)),
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        for word in says {
            assert!(
                detail.contains(word),
                "{kind} should say {word:?}: {detail}"
            );
        }
        assert_eq!(
            server.get("/api/events").await.1["head"],
            1,
            "what comes after it is not imported"
        );
    }
    let mut bytes = line(ID, "1").into_bytes();
    bytes.extend(b"\"\xff\"\n");
    let answered = server
        .request("POST", "/api/import")
        .body(bytes)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let problem: Value = serde_json::from_str(answered.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&problem["type"], &problem["line"]),
        (&json!("bad_body"), &json!(2)),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("UTF-8"),
        "{problem}"
    );
}

#[tokio::test]
async fn nothing_is_a_whole_import_and_blank_lines_are_no_events() {
    let server = Running::start().await;
    let nothing =
        json!({"imported": 0, "skipped": 0, "first_position": null, "last_position": null});
    assert_eq!(import(&server, "").await, nothing);
    assert_eq!(import(&server, "\n\r\n  \n").await, nothing);
    assert_eq!(
        import(&server, format!("\n{}", line(ID, "1").trim_end())).await["imported"],
        1
    );
}

#[tokio::test]
async fn same_event_twice_in_a_chunk_is_imported_once() {
    let server = Running::start().await;
    let other = line("01890000-0000-7000-8000-000000000002", "2");
    // The third has the same content in another spelling.
    let body =
        line(ID, r#"{"n": 1}"#) + &other + &line(ID, r#"{"n":1}"#) + &line(ID, r#"{"n": 1}"#);
    let summary = import(&server, body).await;
    assert_eq!(
        summary,
        json!({"imported": 2, "skipped": 2, "first_position": 1, "last_position": 2})
    );
}

#[tokio::test]
async fn id_with_another_content_in_the_same_chunk_stops_at_its_line() {
    let server = Running::start().await;
    let other = line("01890000-0000-7000-8000-000000000002", "2");
    let body = line(ID, "1") + &line(ID, "1") + &line(ID, "7") + &other;
    let problem = import(&server, body).await;
    let told = ["type", "line", "imported", "skipped"].map(|name| problem[name].clone());
    assert_eq!(
        told,
        [json!("id_reused"), json!(3), json!(1), json!(1)],
        "{problem}"
    );
    assert_eq!(server.get("/api/events").await.1["head"], 1);
}
