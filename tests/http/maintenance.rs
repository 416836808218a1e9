//! Maintenance: one order pauses all read models of a store, on every server, until it is ended.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::identity::{user, with_admin};
use crate::rebuild::{rebuild, wrong};
use crate::refused::is_refused;
use crate::replay::seen;
use crate::running::{Running, answer};
use crate::shares::{connect, onlooker, share};
use crate::support::socket;
use crate::totals::{TOTALS, handled, order, put, some_orders};

const PATH: &str = "/api/maintenance";

async fn ordered(server: &Running, body: &Value) -> (StatusCode, Value) {
    server.put(PATH, body.to_string()).await
}

async fn begin(server: &Running) -> Value {
    let (status, on) = ordered(server, &json!({"reason": "new disks"})).await;
    assert_eq!(status, 200, "{on}");
    on
}

async fn ended(server: &Running, query: &str) -> (StatusCode, Value) {
    answer(server.request("DELETE", &format!("{PATH}{query}"))).await
}

async fn end(server: &Running) {
    let (status, problem) = ended(server, "").await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{problem}");
}

/// Listens to the live feed until the totals were told to be so many events behind in three looks, a second apart: where they stood.
async fn stand(server: &Running, matching: i64) -> Value {
    let mut socket = socket::open(&server.address).await.unwrap();
    socket::say(&mut socket, &json!({"subscribe": "lag", "id": 7}))
        .await
        .unwrap();
    let mut places = Vec::new();
    while places.len() < 3 {
        let message = socket::hear(&mut socket).await.unwrap().unwrap();
        let mut told = message["lag"].as_array().unwrap().iter();
        let totals = told.find(|one| one["name"] == "totals").unwrap();
        if totals["lag"]["matching"] == matching {
            places.push(totals["checkpoint"].clone());
        }
    }
    places.dedup();
    assert_eq!(places.len(), 1, "{places:?}");
    places.remove(0)
}

async fn read_model(server: &Running, name: &str) -> Value {
    server.get(&format!("/api/read-models/{name}")).await.1
}

#[tokio::test]
async fn no_read_model_handles_anything_until_it_is_ended_and_the_rest_goes_on() {
    let server = Running::start().await;
    let last = some_orders(&server).await;
    for name in ["totals", "aside"] {
        let (status, defined) = put(&server, name, TOTALS).await;
        assert_eq!(status, 201, "{defined}");
    }
    handled(&server, last).await;
    let (status, _) = server.post("/api/read-models/aside/pause", "{}").await;
    assert_eq!(status, 200);
    let aside = read_model(&server, "aside").await["checkpoint"].clone();
    let (status, _) = server.put("/api/subscriptions/mailer", "{}").await;
    assert_eq!(status, 201);

    let on = begin(&server).await;
    assert_eq!(
        (&on["by"], &on["reason"]),
        (&json!("local"), &json!("new disks"))
    );
    let (_, now) = server.get(PATH).await;
    assert_eq!(now, json!({"maintenance": on}));
    let before = read_model(&server, "totals").await["checkpoint"].clone();
    let last = some_orders(&server).await;
    let fetch = json!({"member": "m", "at_most": 1, "wait_s": 20}).to_string();
    let (_, fetched) = server.post("/api/subscriptions/mailer/fetch", fetch).await;
    assert_eq!(
        fetched["deliveries"].as_array().unwrap().len(),
        1,
        "{fetched}"
    );
    assert_eq!(stand(&server, 8).await, before);
    let held = read_model(&server, "totals").await;
    assert_eq!(held["trend"], "waits for the end of maintenance", "{held}");
    let reason = held["reason"].as_str().unwrap();
    assert!(reason.ends_with("by local: new disks"), "{reason}");
    let (_, checks) = server.get("/api/store/checks").await;
    let mut checks = checks.as_array().unwrap().iter();
    let check = checks.find(|check| check["check"] == "maintenance");
    assert_eq!(check.unwrap()["verdict"], "advice", "{check:?}");

    let (status, _) = ended(&server, "?reason=they%20are%20in").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    handled(&server, last).await;
    assert_eq!(server.get(PATH).await.1, json!({"maintenance": null}));
    let paused = read_model(&server, "aside").await;
    assert_eq!(
        (&paused["state"], &paused["checkpoint"]),
        (&json!("paused"), &aside),
        "it was paused by itself"
    );
    for (action, reason) in [
        ("begin_maintenance", "new disks"),
        ("end_maintenance", "they are in"),
    ] {
        let (_, told) = server.get(&format!("/api/actions?action={action}")).await;
        assert_eq!(
            (&told[0]["reason"], &told[0]["actor"], &told[1]),
            (&json!(reason), &json!("local"), &Value::Null),
            "{told}"
        );
    }
}

#[tokio::test]
async fn every_server_of_the_store_obeys_and_any_of_them_ends_it() {
    let server = Running::start().await;
    let last = some_orders(&server).await;
    put(&server, "totals", TOTALS).await;
    handled(&server, last).await;
    // Its runner is with the first server, which is not the one that is asked.
    let other = server.beside().await;
    begin(&other).await;
    let before = read_model(&server, "totals").await["checkpoint"].clone();
    let last = some_orders(&server).await;
    assert_eq!(stand(&server, 8).await, before);
    end(&other).await;
    handled(&server, last).await;
}

#[tokio::test]
async fn the_live_feed_tells_it_to_every_page_at_once() {
    let server = Running::start().await;
    let mut socket = socket::open(&server.address).await.unwrap();
    socket::say(&mut socket, &json!({"subscribe": "maintenance", "id": 4}))
        .await
        .unwrap();
    let off = json!({"id": 4, "maintenance": null});
    assert_eq!(socket::hear(&mut socket).await.unwrap().unwrap(), off);
    let on = begin(&server).await;
    assert_eq!(
        socket::hear(&mut socket).await.unwrap().unwrap(),
        json!({"id": 4, "maintenance": on})
    );
    end(&server).await;
    assert_eq!(socket::hear(&mut socket).await.unwrap().unwrap(), off);
}

#[tokio::test]
async fn it_is_begun_once_with_a_reason_and_ended_once() {
    let server = Running::start().await;
    for body in [json!({}), json!({"reason": "  "})] {
        is_refused(ordered(&server, &body).await, 422, "reason_missing", &[]);
    }
    for (body, kind) in [
        (json!({"reason": "x", "until": "tomorrow"}), "bad_fields"),
        (json!({"reason": "x".repeat(1_001)}), "bad_reason"),
    ] {
        is_refused(ordered(&server, &body).await, 422, kind, &[]);
    }
    is_refused(
        ended(&server, "").await,
        409,
        "no_maintenance",
        &["not on", "nothing was changed"],
    );
    assert_eq!(server.get(PATH).await.1, json!({"maintenance": null}));
    let on = begin(&server).await;
    let refused = ordered(&server, &json!({"reason": "mine as well"})).await;
    assert_eq!(refused.1["since"], on["since"]);
    is_refused(
        refused,
        409,
        "maintenance",
        &["on already", "by local: new disks", "DELETE"],
    );
    assert_eq!(server.get(PATH).await.1, json!({"maintenance": on}));
    is_refused(ended(&server, "?why=x").await, 400, "bad_query", &[]);
    end(&server).await;
    is_refused(ended(&server, "").await, 409, "no_maintenance", &[]);
}

#[tokio::test]
async fn nothing_is_built_or_made_live_under_it() {
    let (server, _) = wrong().await;
    let job = rebuild(&server).await;
    loop {
        let (_, job) = server.get(&format!("/api/jobs/{}", job["id"])).await;
        if job["state"] != "running" {
            assert_eq!(job["state"], "done", "{job}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (status, diff) = server.get("/api/read-models/totals/diff").await;
    assert_eq!(status, 200, "{diff}");
    let live = |model: &Value| model["versions"][0]["id"].clone();
    let before = live(&read_model(&server, "totals").await);
    begin(&server).await;
    let says = ["since", "by local: new disks", "DELETE /api/maintenance"];
    let reason = json!({"reason": "now"});
    for what in ["promote", "go-back"] {
        is_refused(
            order(&server, what, &reason).await,
            409,
            "maintenance",
            &says,
        );
    }
    let discard = json!({"version": "shadow", "reason": "not now"});
    let (status, _) = order(&server, "discard", &discard).await;
    assert_eq!(status, 200, "no checkpoint moves by that");
    let (status, plan) = order(&server, "plan", &json!({})).await;
    assert_eq!(status, 200, "{plan}");
    is_refused(
        order(&server, "rebuild", &json!({"plan": plan})).await,
        409,
        "maintenance",
        &says,
    );
    assert_eq!(live(&read_model(&server, "totals").await), before);
    end(&server).await;
    rebuild(&server).await;
}

#[tokio::test]
async fn nothing_is_handled_again_or_left_out_under_it() {
    let (server, _) = seen().await;
    let (status, plan) = order(&server, "plan", &json!({"kind": "replay", "from": 3})).await;
    assert_eq!(status, 200, "{plan}");
    begin(&server).await;
    let before = read_model(&server, "totals").await["checkpoint"].clone();
    for (what, body) in [
        ("replay", json!({"plan": plan, "reason": "now"})),
        (
            "rebuild-part",
            json!({"stream": "order-4", "reason": "now"}),
        ),
        ("failures/1/skip", json!({"reason": "now"})),
    ] {
        let refused = order(&server, what, &body).await;
        is_refused(refused, 409, "maintenance", &["by local: new disks"]);
    }
    assert_eq!(read_model(&server, "totals").await["checkpoint"], before);
    let (_, jobs) = server.get("/api/jobs").await;
    assert_eq!(jobs, json!([]));
}

#[tokio::test]
async fn a_viewer_reads_who_and_why_and_an_onlooker_that_it_is_on() {
    let (server, admin) = with_admin().await;
    let viewer = user(&server, &admin, "vera", "viewer").await;
    let body = json!({"reason": "new disks"});
    for method in ["PUT", "DELETE"] {
        let refused = viewer.send(&server, method, PATH, body.clone()).await;
        is_refused(refused, 403, "not_allowed", &["operator"]);
    }
    let operator = user(&server, &admin, "olga", "operator").await;
    let (status, on) = operator.send(&server, "PUT", PATH, body).await;
    assert_eq!((status.as_u16(), &on["by"]), (200, &json!("olga")), "{on}");
    assert_eq!(
        viewer.get(&server, PATH).await.1,
        json!({"maintenance": on})
    );

    let headline = json!({"since": on["since"]});
    let (_, path) = share(&server, &admin, json!({"hours": 1})).await;
    let guest = onlooker(&server, &path).await;
    assert_eq!(
        guest.get(&server, PATH).await.1,
        json!({"maintenance": headline})
    );
    let mut socket = connect(&server, &guest).await;
    socket::say(&mut socket, &json!({"subscribe": "maintenance", "id": 4}))
        .await
        .unwrap();
    assert_eq!(
        socket::hear(&mut socket).await.unwrap().unwrap(),
        json!({"id": 4, "maintenance": headline})
    );
    let film =
        json!({"hours": 1, "since": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z"});
    let (_, path) = share(&server, &admin, film).await;
    let guest = onlooker(&server, &path).await;
    is_refused(
        guest.get(&server, PATH).await,
        403,
        "not_allowed",
        &["recording"],
    );
}
