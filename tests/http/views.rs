//! Saved views, and what is listed as a file.

use serde_json::{Value, json};

use crate::running::{Running, answer};

async fn save(server: &Running, body: Value) -> (u16, Value) {
    let (status, body) = server.post("/api/views", body.to_string()).await;
    (status.as_u16(), body)
}

async fn remove(server: &Running, id: &Value) -> u16 {
    let request = server.request("DELETE", &format!("/api/views/{id}"));
    answer(request).await.0.as_u16()
}

#[tokio::test]
async fn views_are_saved_replaced_listed_and_removed() {
    let server = Running::start().await;
    let late =
        json!({"page": "flows", "name": " Late orders ", "query": "shown=late&kind=OrderPlaced"});
    let (status, first) = save(&server, late).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(
        (&first["name"], &first["owner"], &first["shared"]),
        (&json!("Late orders"), &json!("local"), &json!(false))
    );
    let again =
        json!({"page": "flows", "name": "Late orders", "query": "shown=late", "shared": true});
    let (_, second) = save(&server, again).await;
    assert_eq!(second["id"], first["id"]);
    save(&server, json!({"page": "live", "name": "all", "query": ""})).await;
    let (_, listed) = server.get("/api/views").await;
    let names: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|view| &view["name"])
        .collect();
    assert_eq!(names, ["all", "Late orders"]);
    assert_eq!(listed[1]["query"], "shown=late");
    assert_eq!(remove(&server, &first["id"]).await, 204);
    assert_eq!(remove(&server, &first["id"]).await, 404);
    // What others work by is on record, what is one's own is not.
    let (_, actions) = server.get("/api/actions").await;
    let told: Vec<&Value> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| &action["action"])
        .collect();
    assert_eq!(told, ["remove_view", "save_view"]);
    assert_eq!(actions[0]["before"]["name"], "Late orders");
}

#[tokio::test]
async fn what_is_no_view_is_refused_with_a_sentence() {
    let server = Running::start().await;
    let long = "x".repeat(4_001);
    for (body, status, words) in [
        (
            json!({"page": "live", "name": " ", "query": ""}),
            422,
            "1 to 100 characters",
        ),
        (
            json!({"page": "live", "name": "x".repeat(101), "query": ""}),
            422,
            "1 to 100 characters",
        ),
        (
            json!({"page": "live", "name": "a\nb", "query": ""}),
            422,
            "one line",
        ),
        (
            json!({"page": "live", "name": "a", "query": long}),
            422,
            "up to 4000",
        ),
        (
            json!({"page": "live", "name": "a", "query": "?a=b"}),
            422,
            "behind the ?",
        ),
        (
            json!({"page": "store", "name": "a", "query": ""}),
            422,
            "expected one of",
        ),
        (json!({"page": "live", "name": "a"}), 422, "query"),
    ] {
        let (found, told) = save(&server, body.clone()).await;
        assert_eq!(found, status, "{body}: {told}");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{body}: {detail}");
    }
    for n in 0..200 {
        let (status, told) = save(
            &server,
            json!({"page": "live", "name": format!("v{n}"), "query": ""}),
        )
        .await;
        assert_eq!(status, 200, "{told}");
    }
    let (status, told) = save(
        &server,
        json!({"page": "live", "name": "one more", "query": ""}),
    )
    .await;
    assert_eq!(status, 422);
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("remove one first"),
        "{told}"
    );
    let (status, _) = save(
        &server,
        json!({"page": "live", "name": "v7", "query": "filter=a"}),
    )
    .await;
    assert_eq!(status, 200, "one that is there may be replaced");
}

async fn file(server: &Running, path: &str) -> (String, String) {
    let response = server.request("GET", path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let disposition = response.headers()["content-disposition"]
        .to_str()
        .unwrap()
        .to_owned();
    (disposition, response.text().await.unwrap())
}

#[tokio::test]
async fn lists_are_files_in_whole() {
    let server = Running::start().await;
    let correlation = "0192f3c1-77de-7c3a-9f10-0000000000aa";
    // More than a page of streams.
    let lines: Vec<String> = (0..1_203)
        .map(|n| {
            json!({"stream": format!("order-{n:04}"), "type": "OrderPlaced", "data": {"n": n, "note": "=1+1, \"so\""}}).to_string()
        })
        .collect();
    server.import(lines.join("\n")).await;
    let events =
        json!([{"type": "OrderPaid", "data": {}, "metadata": {"correlation_id": correlation}}]);
    server
        .post("/api/streams/order-0000/events", events.to_string())
        .await;

    let (disposition, csv) = file(
        &server,
        "/api/export/streams?format=csv&category=order&order=name",
    )
    .await;
    assert_eq!(
        disposition,
        "attachment; filename=\"highwater-streams.csv\""
    );
    let rows: Vec<&str> = csv.trim_end().split("\r\n").collect();
    assert_eq!(rows.len(), 1_204);
    assert!(
        rows[1].starts_with("order-0000,order,1,1204,OrderPaid,"),
        "{}",
        rows[1]
    );
    let (_, active) = file(&server, "/api/export/streams?query=order-00").await;
    let first: Value = serde_json::from_str(active.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["stream"], active.lines().count()),
        (&json!("order-0000"), 100)
    );

    let (_, events) = file(&server, "/api/export/events?filter=data.n%3E%3D1200").await;
    let positions: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["position"].clone())
        .collect();
    assert_eq!(positions, [1_201, 1_202, 1_203]);
    let (_, csv) = file(&server, "/api/export/events?format=csv&filter=position%3C2").await;
    assert!(
        csv.contains(r#""{""n"": 0, ""note"": ""=1+1, \""so\""""}""#),
        "{csv}"
    );

    let flows = loop {
        let (_, flows) = file(&server, "/api/export/flows?format=csv").await;
        if flows.lines().count() > 1 {
            break flows;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(
        flows.contains(&format!(
            "{correlation},OrderPaid,no_rule,false,,OrderPaid,1,1204,1204,"
        )),
        "{flows}"
    );
    let (status, refused) = server.get("/api/export/events?filter=data.a%3E").await;
    assert_eq!(status, 400, "{refused}");
    let (status, refused) = server.get("/api/export/streams?format=xml").await;
    assert_eq!(status, 400, "{refused}");
}
