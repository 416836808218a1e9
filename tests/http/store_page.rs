//! What is told of the store as a whole.

use serde_json::{Value, json};
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

#[tokio::test]
async fn checks_say_what_is_wrong_and_what_to_do() {
    let server = Running::start().await;
    let checks = async || -> Vec<Value> {
        let (status, checks) = server.get("/api/store/checks").await;
        assert_eq!(status, 200, "{checks}");
        checks.as_array().unwrap().clone()
    };
    let of = |checks: &[Value], name: &str| -> Value {
        let found = checks.iter().find(|check| check["check"] == name);
        found
            .cloned()
            .unwrap_or_else(|| panic!("no check {name}: {checks:?}"))
    };
    let good = checks().await;
    for name in ["mark", "feed", "indexes", "counts", "read models", "vacuum"] {
        assert_eq!(of(&good, name)["verdict"], "good", "{name}: {good:?}");
    }
    let mut admin = PgConnection::connect(&server.database_url).await.unwrap();
    admin
        .execute("update pg_index set indisvalid = false where indexrelid = 'highwater.events_correlation_id'::regclass")
        .await
        .unwrap();
    let bad = checks().await;
    let verdicts: Vec<&str> = bad
        .iter()
        .map(|check| check["verdict"].as_str().unwrap())
        .collect();
    let first_good = verdicts.iter().position(|verdict| *verdict == "good");
    assert!(
        verdicts[first_good.unwrap()..]
            .iter()
            .all(|verdict| *verdict == "good"),
        "the worst come first: {bad:?}"
    );
    // The Postgres of the tests does without what makes it durable, and that is told, too.
    assert_eq!(of(&bad, "durability")["verdict"], "wrong");
    let index = of(&bad, "indexes");
    assert_eq!(index["verdict"], "wrong");
    let todo = index["todo"].as_str().unwrap();
    assert!(
        todo.contains(r#"reindex index concurrently highwater."events_correlation_id""#),
        "{todo}"
    );
    // What it says to do helps.
    let statement = todo.split_once(": ").unwrap().1.trim_end_matches(';');
    admin
        .execute(sqlx::AssertSqlSafe(statement.to_owned()))
        .await
        .unwrap();
    assert_eq!(of(&checks().await, "indexes")["verdict"], "good");
}

#[tokio::test]
async fn a_server_tells_how_it_hears_of_appends_and_how_it_makes_them() {
    let server = Running::start().await;
    let (_, facts) = server.get("/api/store").await;
    assert_eq!(facts["tail"]["batch_events"], json!(null), "{facts}");
    server
        .post(
            "/api/streams/order-1/events",
            r#"[{"type":"A","data":{}},{"type":"B","data":{}}]"#,
        )
        .await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let (_, facts) = server.get("/api/store").await;
        let tail = &facts["tail"];
        assert_eq!(tail["batch_events"], json!(2.0), "{facts}");
        assert!(tail["looked_ms_ago"].as_i64().unwrap() < 10_000, "{facts}");
        // The notification comes after the append's answer.
        if tail["told_ms_ago"].as_i64().is_some() {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{facts}");
    }
}

#[tokio::test]
async fn a_shape_that_is_new_since_yesterday_is_pointed_out() {
    let server = Running::start().await;
    let post = async |stream: &str, body: &str| {
        let (status, answer) = server
            .post(&format!("/api/streams/{stream}/events"), body)
            .await;
        assert_eq!(status, 201, "{answer}");
    };
    post(
        "order-1",
        r#"[{"type":"Order/Placed %","data":{"total":1,"lines":[{"sku":"a"}]}}]"#,
    )
    .await;
    let mut admin = PgConnection::connect(&server.database_url).await.unwrap();
    // Two days pass.
    admin
        .execute("alter table highwater.events disable trigger user; update highwater.events set recorded_at = recorded_at - interval '2 days'; alter table highwater.events enable trigger user")
        .await
        .unwrap();
    post(
        "order-2",
        r#"[{"type":"Order/Placed %","data":{"total":"1","coupon":"SPRING","lines":[{"sku":"b","gift":true}]}},{"type":"Young","data":{"a":1}}]"#,
    )
    .await;
    let (status, found) = server.get("/api/types/Order%2FPlaced%20%25").await;
    assert_eq!(
        (status.as_u16(), &found["count"]),
        (200, &json!(2)),
        "{found}"
    );
    let new: Vec<(&str, &str)> = found["shape"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|shape| shape["is_new"] == true)
        .map(|shape| {
            (
                shape["path"].as_str().unwrap(),
                shape["json_type"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("data.coupon", "string"),
        ("data.lines[].gift", "boolean"),
        ("data.total", "string"),
    ];
    assert_eq!(new, expected, "{found}");
    // A type that is itself young has nothing new in it.
    let (_, young) = server.get("/api/types/Young").await;
    assert!(
        young["shape"]
            .as_array()
            .unwrap()
            .iter()
            .all(|shape| shape["is_new"] == false),
        "{young}"
    );
    let (_, all) = server.get("/api/new-shapes").await;
    assert_eq!(
        (all.as_array().unwrap().len(), &all[0]["type"]),
        (1, &json!("Order/Placed %")),
        "{all}"
    );
    assert_eq!(all[0]["shape"].as_array().unwrap().len(), 3, "{all}");
    let (status, problem) = server.get("/api/types/None").await;
    assert_eq!(
        (status.as_u16(), &problem["what"]),
        (404, &json!("event_type"))
    );
}
