//! Import and export through HTTP.

use crate::running::Running;
use serde_json::json;

fn lines(count: u32) -> String {
    let line = |n| {
        let (stream, id) = (
            format!("ticket-{}", n % 7),
            format!("01890000-0000-7000-8000-{n:012}"),
        );
        json!({"stream": stream, "type": "Opened", "id": id, "data": {"n": n}}).to_string() + "\n"
    };
    (1..=count).map(line).collect()
}

#[tokio::test]
async fn import_sent_again_imports_nothing_twice() {
    let server = Running::start().await;
    let first = server.import(lines(2_500)).await;
    assert_eq!(
        first.last().unwrap(),
        &json!({"imported": 2_500, "skipped": 0, "first_position": 1, "last_position": 2_500})
    );
    let again = server.import(lines(2_500)).await;
    assert_eq!(
        again.last().unwrap(),
        &json!({"imported": 0, "skipped": 2_500, "first_position": null, "last_position": null})
    );
}

#[tokio::test]
async fn bad_line_stops_with_its_number_and_what_was_imported_stays() {
    let server = Running::start().await;
    let good = lines(1_200);
    let bad = format!("{good}{{\"stream\":\"a-1\",\"typ\":\"X\"}}\n{}", lines(1));
    let problem = server.import(bad).await.pop().unwrap();
    assert_eq!(
        (&problem["type"], &problem["line"], &problem["imported"]),
        (&json!("bad_fields"), &json!(1_201), &json!(1_200)),
        "{problem}"
    );
    assert_eq!(server.import(good).await.pop().unwrap()["skipped"], 1_200);
}

#[tokio::test]
async fn line_that_the_store_refuses_is_named_too() {
    let server = Running::start().await;
    let bad = format!(
        "{}{}\n{}",
        lines(3),
        r#"{"stream":"a-1","type":"","data":{}}"#,
        lines(1)
    );
    let problem = server.import(bad).await.pop().unwrap();
    assert_eq!(
        (&problem["type"], &problem["line"], &problem["imported"]),
        (&json!("bad_type"), &json!(4), &json!(3)),
        "{problem}"
    );
}

#[tokio::test]
async fn export_is_exactly_what_import_takes() {
    let (one, other) = (Running::start().await, Running::start().await);
    one.import(lines(1_500)).await;
    let exported = one.export().await;
    assert_eq!(exported.lines().count(), 1_500);
    assert_eq!(
        other.import(exported.clone()).await.pop().unwrap()["imported"],
        1_500
    );
    let again = other.export().await;
    assert_eq!(exported, again);
}
