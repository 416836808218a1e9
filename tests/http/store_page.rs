//! What is told of the store as a whole.

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::running::Running;

#[tokio::test]
async fn who_has_appended_in_sql_and_not_committed_is_named() {
    let server = Running::start().await;
    let url = format!("{}&application_name=old%20import", server.database_url);
    let mut writer = PgConnection::connect(&url).await.unwrap();
    writer
        .execute(
            r#"begin; select * from highwater.append('order-1', -1, '[{"type": "OrderPlaced", "data": {}}]')"#,
        )
        .await
        .unwrap();
    let (_, facts) = server.get("/api/store").await;
    let holder = &facts["holders"][0];
    assert_eq!(
        (&holder["what"], &holder["application"], &holder["state"]),
        (
            &json!("open"),
            &json!("old import"),
            &json!("idle in transaction")
        ),
        "{facts}"
    );
    let statement = holder["statement"].as_str().unwrap();
    assert!(statement.contains("highwater.append"), "{statement}");
    assert!(statement.len() <= 60, "{statement}");
    // It holds up neither the mark nor others.
    let path = "/api/streams/order-2/events";
    let (status, _) = server.post(path, r#"[{"type":"A","data":{}}]"#).await;
    assert_eq!(status, 201);
    writer.execute("commit").await.unwrap();
    let (_, facts) = server.get("/api/store").await;
    assert_eq!(
        (&facts["holders"], &facts["mark"]["position"]),
        (&json!([]), &json!(2))
    );
}

#[tokio::test]
async fn sizes_and_the_last_day_are_told() {
    let server = Running::start().await;
    for number in 0..3 {
        let path = format!("/api/streams/order-{number}/events");
        server.post(&path, r#"[{"type":"A","data":{}}]"#).await;
    }
    let (status, sizes) = server.get("/api/store/sizes").await;
    assert_eq!(
        (status.as_u16(), &sizes["events_last_day"]),
        (200, &json!(3))
    );
    let relations = sizes["relations"].as_array().unwrap();
    let of = |name| relations.iter().find(|relation| relation["name"] == name);
    assert_eq!(of("events").unwrap()["table"], json!(null));
    assert_eq!(of("events_pkey").unwrap()["table"], "events");
    assert!(sizes["connections"].as_i64() <= sizes["connections_most"].as_i64());
}
