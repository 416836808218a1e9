//! The shop's scenarios, played without anybody who looks: each comes to its end, and leaves the shop as it was.

use serde_json::{Value, json};

use crate::program::Server;
use crate::served::{open, put, refused, until};
use crate::services::{get, post};

/// Plays a scenario to its end; answers every caption that was to be read.
async fn played(name: &str) -> Vec<String> {
    // Twice as fast as usual, so that a rush is still more than a slow service can do.
    let server = open("2").await;
    let before = json!({ "orders_per_second": 0.5, "pattern": "steady" });
    put(&server, "/api/demo/traffic", before.clone()).await;
    let path = format!("/api/demo/scenarios/{name}/play");
    let begun = post(&server, &path, json!({ "speed": 10.0 })).await;
    let chapters = begun["scenario"]["chapters"].as_array().unwrap().len();
    let mut captions: Vec<String> = Vec::new();
    let mut reached = 0;
    let over = loop {
        let playing = get(&server, "/api/demo").await["playing"].clone();
        if let Some(caption) = playing["caption"].as_str()
            && captions.last().map(String::as_str) != Some(caption)
        {
            captions.push(caption.to_owned());
        }
        reached = reached.max(playing["chapter"].as_u64().unwrap());
        if playing["state"] != "playing" {
            break playing;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(over["state"], "ended", "{over:#}");
    assert_eq!(usize::try_from(reached).unwrap(), chapters - 1);
    let demo = until(&server, "/api/demo", all_run).await;
    assert_eq!(demo["traffic"], before, "{demo:#}");
    captions
}

fn all_run(demo: &Value) -> bool {
    let services = demo["services"].as_array().unwrap();
    services.iter().all(|one| one["state"] == "running")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orders_life_is_told_to_its_end() {
    let captions = played("an-orders-life").await;
    assert_eq!(captions.len(), 4, "{captions:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_goes_down_and_the_shop_goes_on() {
    let captions = played("a-service-goes-down").await;
    let tells = |words: &str| captions.iter().any(|caption| caption.contains(words));
    assert!(tells("is gone") && tells("It is back") && tells("Nothing was lost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_a_read_model_is_mended_by_a_rebuild() {
    let captions = played("a-bug-in-a-read-model").await;
    assert_eq!(captions.len(), 3, "{captions:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_friday_passes() {
    let captions = played("black-friday").await;
    assert!(
        captions.last().unwrap().contains("All done"),
        "{captions:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_slate_leaves_no_order_under_way_and_full_shelves() {
    let server = open("2").await;
    let busy = json!({ "orders_per_second": 4.0, "pattern": "steady" });
    put(&server, "/api/demo/traffic", busy).await;
    let open_orders = "/api/read-models/open_fulfilments/rows";
    until(&server, open_orders, |found| {
        found["rows"].as_array().is_some_and(|rows| rows.len() > 10)
    })
    .await;
    put(
        &server,
        "/api/demo/traffic",
        json!({ "orders_per_second": 0.0 }),
    )
    .await;
    let path = "/api/demo/scenarios/clean-slate/play";
    post(&server, path, json!({ "speed": 10.0 })).await;
    until(&server, "/api/demo", |demo| {
        demo["playing"]["state"] != "playing"
    })
    .await;
    assert_eq!(playing(&server).await["state"], "ended");
    let found = get(&server, open_orders).await;
    assert_eq!(found["rows"], json!([]), "{found:#}");
    let first = json!({ "lamp-01": 40, "mug-07": 120, "chair-02": 25, "book-11": 200, "bag-03": 60, "clock-05": 18, "vase-09": 12, "pen-04": 90 });
    until(&server, "/api/read-models/stock_levels/rows", |found| {
        let mut rows = found["rows"].as_array().unwrap().iter();
        rows.all(|row| row["available"].as_i64() >= first[row["sku"].as_str().unwrap()].as_i64())
    })
    .await;
}

async fn playing(server: &Server) -> Value {
    get(server, "/api/demo").await["playing"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_is_led_by_whoever_presents_and_by_one_at_a_time() {
    let server = open("2").await;
    let none = refused(
        &server,
        "PUT",
        "/api/demo/playing",
        json!({ "paused": true }),
    )
    .await;
    assert_eq!(none.0, 409, "{}", none.1);
    let unknown = "/api/demo/scenarios/hamlet/play";
    let (status, problem) = refused(&server, "POST", unknown, json!({})).await;
    assert_eq!(status, 404, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("an-orders-life")
    );

    let path = "/api/demo/scenarios/a-service-goes-down/play";
    for bad in [json!({ "speed": 0 }), json!({ "chapter": 3 })] {
        let (status, problem) = refused(&server, "POST", path, bad).await;
        assert_eq!(status, 422, "{problem}");
    }
    post(&server, path, json!({})).await;
    let (status, problem) = refused(&server, "POST", path, json!({})).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("plays"));

    // It waits for 12 s in its first chapter; nobody has to.
    until(&server, "/api/demo", |demo| {
        demo["playing"]["caption"].is_string()
    })
    .await;
    put(&server, "/api/demo/playing", json!({ "paused": true })).await;
    assert_eq!(playing(&server).await["state"], "paused");
    put(
        &server,
        "/api/demo/playing",
        json!({ "chapter": 1, "paused": false }),
    )
    .await;
    until(&server, "/api/demo", |demo| {
        demo["playing"]["chapter"] == 1 && demo["playing"]["waits_for"].is_string()
    })
    .await;
    // It ends what it has begun before it stops.
    until(&server, "/api/demo", |demo| {
        let mut services = demo["services"].as_array().unwrap().iter();
        services.any(|one| one["name"] == "payments" && one["state"] == "stopped")
    })
    .await;
    post(&server, "/api/demo/playing/next", json!({})).await;
    until(&server, "/api/demo", |demo| {
        demo["playing"]["waits_for"].is_null()
    })
    .await;
    let ended = server
        .api
        .request("DELETE", "/api/demo/playing")
        .send()
        .await;
    assert_eq!(ended.unwrap().status(), 204);
    until(&server, "/api/demo", |demo| {
        demo["playing"]["state"] == "stopped"
    })
    .await;
    until(&server, "/api/demo", all_run).await;
}
