//! The rebuild of a read model through the API: planned, run, compared, promoted, gone back from.

use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::{Running, answer};
use crate::support::socket::{self, Socket};
use crate::totals::{TOTALS, append, handled, order, placed, put, some_orders};

/// Counts cancelled orders as well.
pub(crate) fn wrong_totals() -> String {
    TOTALS.replace("OrderPlaced, OrderCancelled", "OrderPlaced")
}

/// A server whose live totals are wrong, and whose right ones wait; the position of its last event.
pub(crate) async fn wrong() -> (Running, i64) {
    let server = Running::start().await;
    let last = some_orders(&server).await;
    put(&server, "totals", &wrong_totals()).await;
    handled(&server, last).await;
    let (status, waiting) = put(&server, "totals", TOTALS).await;
    assert_eq!(status, 202, "{waiting}");
    (server, last)
}

/// A feed of jobs.
async fn watch_jobs(server: &Running) -> Socket {
    let mut socket = socket::open(&server.address).await.unwrap();
    socket::say(&mut socket, &json!({"subscribe": "jobs", "id": 9}))
        .await
        .unwrap();
    socket
}

/// Listens until a job is over.
async fn over(socket: &mut Socket, id: &Value) -> Value {
    loop {
        let message = socket::hear(socket).await.unwrap().unwrap();
        assert_eq!(message["id"], 9, "{message}");
        let jobs = message["jobs"].as_array().unwrap();
        let Some(job) = jobs.iter().find(|job| job["id"] == *id) else {
            continue;
        };
        if job["state"] != "running" {
            return job.clone();
        }
    }
}

/// Plans and orders a rebuild; its job.
pub(crate) async fn rebuild(server: &Running) -> Value {
    let (status, plan) = order(server, "plan", &json!({"kind": "rebuild"})).await;
    assert_eq!(status, 200, "{plan}");
    let (status, job) = order(
        server,
        "rebuild",
        &json!({"plan": plan, "reason": "too much"}),
    )
    .await;
    assert_eq!(status, 202, "{job}");
    job
}

async fn rows(server: &Running) -> Vec<(String, i64, i64)> {
    let (status, page) = server.get("/api/read-models/totals/rows").await;
    assert_eq!(status, 200, "{page}");
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["customer"].as_str().unwrap().to_owned(),
            row["orders"].as_i64().unwrap(),
            row["cents"].as_i64().unwrap(),
        )
    })
    .collect()
}

fn totals(c0: (i64, i64)) -> Vec<(String, i64, i64)> {
    vec![
        ("c0".to_owned(), c0.0, c0.1),
        ("c1".to_owned(), 2, 101 + 104),
        ("c2".to_owned(), 2, 102 + 105),
    ]
}

#[tokio::test]
async fn wrong_read_model_is_rebuilt_compared_promoted_verified_and_gone_back_from() {
    let (server, last) = wrong().await;
    let mut jobs = watch_jobs(&server).await;
    assert_eq!(rows(&server).await, totals((2, 203)));

    let (status, plan) = order(&server, "plan", &json!({})).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(
        (&plan["matching"], &plan["changed_definition"]),
        (&json!(8), &json!(true))
    );
    assert_eq!(plan["side_effects"], json!([]));
    let job = rebuild(&server).await;
    assert_eq!(
        (
            &job["kind"],
            &job["actor"],
            &job["reason"],
            &job["plan"]["matching"]
        ),
        (
            &json!("rebuild"),
            &json!("local"),
            &json!("too much"),
            &json!(8)
        )
    );
    let job = over(&mut jobs, &job["id"]).await;
    assert_eq!(
        (&job["state"], &job["done"], &job["total"]),
        (&json!("done"), &json!(8), &json!(8)),
        "{job}"
    );
    assert_eq!(
        rows(&server).await,
        totals((2, 203)),
        "the live one is as it was"
    );

    differs_in_one_row(&server, last).await;

    let reason = json!({"reason": "cancelled orders are no revenue"});
    let (status, job) = order(&server, "promote", &reason).await;
    assert_eq!(
        (status.as_u16(), &job["kind"]),
        (202, &json!("promote")),
        "{job}"
    );
    assert_eq!(
        rows(&server).await,
        totals((0, 0)),
        "as soon as it is answered"
    );
    let job = over(&mut jobs, &job["id"]).await;
    assert_eq!(job["state"], "done", "{job}");
    let outcome = job["outcome"].as_str().unwrap();
    assert!(outcome.contains("live"), "{outcome}");

    let late = append(&server, "order-9", placed("c0", &json!(7))).await;
    handled(&server, late).await;
    assert_eq!(rows(&server).await, totals((1, 7)));
    let (status, job) = order(
        &server,
        "go-back",
        &json!({"reason": "the report needs them"}),
    )
    .await;
    assert_eq!(status, 202, "{job}");
    let job = over(&mut jobs, &job["id"]).await;
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(
        rows(&server).await,
        totals((3, 210)),
        "with what happened since"
    );

    let (_, listed) = server.get("/api/jobs?read_model=totals").await;
    let listed: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["kind"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ["go_back", "promote", "rebuild"]);
    tells_the_story(&server).await;
}

#[tokio::test]
async fn rebuild_that_meets_a_bad_event_waits_for_a_decision_and_goes_on() {
    let (server, _) = wrong().await;
    let mut jobs = watch_jobs(&server).await;
    // The live one counts orders only; the one that waits reads cents that are none.
    let counts = "-- highwater: events OrderPlaced\n-- highwater: tables\ncreate table totals (customer text primary key, orders bigint not null, cents bigint not null);
-- highwater: slice\ninsert into totals select data->>'customer', count(*), 0 from events group by 1 on conflict (customer) do update set orders = totals.orders + excluded.orders;\n";
    put(&server, "counts", counts).await;
    let bad = append(&server, "order-8", placed("c8", &json!("many"))).await;
    let (status, _) = answer(
        server
            .request("PUT", "/api/read-models/counts")
            .body(wrong_totals()),
    )
    .await;
    assert_eq!(status, 202);
    let (_, plan) = server.post("/api/read-models/counts/plan", "").await;
    let warnings = plan["warnings"].to_string();
    assert!(warnings.contains("it fails"), "the probe met it: {plan}");
    let (status, job) = server
        .post(
            "/api/read-models/counts/rebuild",
            json!({"plan": plan}).to_string(),
        )
        .await;
    assert_eq!(status, 202, "{job}");
    let failures = "/api/read-models/counts/failures";
    let stands = loop {
        let (_, failures) = server.get(&format!("{failures}?version=shadow")).await;
        if failures[0].is_object() {
            break failures[0].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(
        (&stands["position"], &stands["outcome"]),
        (&json!(bad), &json!("open"))
    );
    let (_, none) = server.get(failures).await;
    assert_eq!(none, json!([]), "the live one handled it");
    let skip = format!("{failures}/{bad}/skip");
    let of_live = server.post(&skip, r#"{"reason":"no number"}"#).await;
    is_refused(of_live, 409, "refused", &["does not stand on event"]);
    let body = r#"{"reason":"no number","version":"shadow"}"#;
    let (status, read_model) = server.post(&skip, body).await;
    assert_eq!(status, 200, "{read_model}");
    let job = over(&mut jobs, &job["id"]).await;
    assert_eq!(job["state"], "done", "{job}");
    let (_, actions) = server.get(&format!("/api/actions?job={}", job["id"])).await;
    let told: Vec<_> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| (&action["action"], &action["after"]["job"]))
        .collect();
    let of_job = ["rebuild", "skip", "rebuild"].map(Value::from);
    assert_eq!(
        told,
        of_job.each_ref().map(|action| (action, &job["id"])),
        "{actions}"
    );
    assert_eq!(actions[1]["reason"], "no number", "{actions}");
}

/// The shadow differs from the live one in the customer whose orders were cancelled, and in nothing else.
async fn differs_in_one_row(server: &Running, last: i64) {
    let (status, diff) = server.get("/api/read-models/totals/diff").await;
    assert_eq!(status, 200, "{diff}");
    assert_eq!(
        (
            &diff["identical"],
            &diff["live_position"],
            &diff["shadow_position"]
        ),
        (&json!(false), &json!(last), &json!(last))
    );
    let table = &diff["tables"][0];
    assert_eq!(
        [&table["added"], &table["removed"], &table["changed"]].map(Value::as_i64),
        [Some(0), Some(0), Some(1)],
        "{table}"
    );
    let (_, page) = server
        .get("/api/read-models/totals/diff?table=totals&kind=changed")
        .await;
    assert_eq!(
        page["rows"],
        json!([{
            "live": {"customer": "c0", "orders": 2, "cents": 203},
            "shadow": {"customer": "c0", "orders": 0, "cents": 0},
            "columns": ["orders", "cents"],
        }]),
        "{page}"
    );
}

/// The audit log and its two files have every order, and what became of it.
async fn tells_the_story(server: &Running) {
    let (_, actions) = server.get("/api/actions?read_model=totals").await;
    let told: Vec<(String, String)> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| {
            let text = |field: &str| action[field].as_str().unwrap_or_default().to_owned();
            let outcome = text("outcome");
            let outcome = outcome.split(':').next().unwrap_or_default();
            (text("action"), outcome.to_owned())
        })
        .collect();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|(action, outcome)| (&**action, &**outcome))
        .collect();
    assert_eq!(
        told,
        [
            ("go_back", "done"),
            ("go_back", "begun"),
            ("promote", "done"),
            ("promote", "begun"),
            ("rebuild", "done"),
            ("rebuild", "begun"),
            ("define", "done"),
            ("define", "done"),
        ]
    );
    let file = async |path: &str| {
        let response = server.request("GET", path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let disposition = response.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .to_owned();
        (disposition, response.text().await.unwrap())
    };
    let (disposition, text) = file("/api/actions/export?read_model=totals").await;
    assert_eq!(
        disposition,
        "attachment; filename=\"highwater-actions.ndjson\""
    );
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(Value::from(lines), actions);
    let (disposition, text) = file("/api/jobs/export?format=csv&kind=promote").await;
    assert_eq!(disposition, "attachment; filename=\"highwater-jobs.csv\"");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("id,kind,read_model,") && lines[1].contains(",promote,totals,"),
        "{text}"
    );
}
