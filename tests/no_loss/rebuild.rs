//! A server killed in the middle of a rebuild, or of a promotion: another goes on, and the rows are a fold of the log.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_store::Ids;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::program::Server;
use crate::support::api::{Api, ask};
use crate::support::database;

/// Counts every order.
const WRONG: &str = "-- highwater: events OrderPlaced
-- highwater: tables
create table totals (customer text primary key, orders bigint not null);
-- highwater: slice
insert into totals select data->>'customer', count(*) from events group by 1
on conflict (customer) do update set orders = totals.orders + excluded.orders;
";

/// Counts no cancelled order.
const RIGHT: &str = "-- highwater: events OrderPlaced, OrderCancelled
-- highwater: tables
create table totals (customer text primary key, orders bigint not null);
-- highwater: slice
insert into totals select data->>'customer', sum(case type when 'OrderPlaced' then 1 else -1 end) from events group by 1
on conflict (customer) do update set orders = totals.orders + excluded.orders;
";

/// Customers.
const CUSTOMERS: usize = 50;
/// Events before the rebuild.
const EVENTS: usize = 9_000;
/// So many that no machine is through with them before it is told to be slow.
const MANY: usize = 45_000;

/// Asks until the server answers with something else than a 5xx.
async fn get(api: &Api, path: &str) -> Value {
    loop {
        match ask(api.request("GET", path)).await {
            Ok((status, body)) if status.is_success() => return body,
            Ok((status, body)) => assert!(status.is_server_error(), "{path}: {status} {body}"),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn post(api: &Api, path: &str, body: &Value) -> Result<(u16, Value), reqwest::Error> {
    let answer = ask(api.request("POST", path).body(body.to_string())).await;
    answer.map(|(status, body)| (status.as_u16(), body))
}

async fn put(api: &Api, text: &'static str) {
    let (status, body) = ask(api.request("PUT", "/api/read-models/totals").body(text))
        .await
        .unwrap();
    assert!(status.is_success(), "{body}");
}

/// Each third event of a stream cancels the order before it.
fn event(n: usize) -> Value {
    let kind = if n % 3 == 2 {
        "OrderCancelled"
    } else {
        "OrderPlaced"
    };
    json!({"id": Ids.event_id(), "type": kind, "data": {"customer": format!("c{}", n / 3 % CUSTOMERS)}})
}

async fn fill(api: &Api, events: usize) {
    for chunk in 0..events / 500 {
        let events: Vec<Value> = (0..500).map(|n| event(chunk * 500 + n)).collect();
        let path = format!("/api/streams/order-{chunk}/events");
        let (status, body) = post(api, &path, &Value::from(events)).await.unwrap();
        assert_eq!(status, 201, "{body}");
    }
}

/// Appends without a break until it is told to stop.
fn keep_appending(api: Api) -> (watch::Sender<bool>, JoinSet<()>) {
    let (stop, stopped) = watch::channel(false);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut n = 0;
        while !*stopped.borrow() {
            let path = format!("/api/streams/late-{}/events", n % 7);
            let (status, body) = post(&api, &path, &json!([event(n)])).await.unwrap();
            assert_eq!(status, 201, "{body}");
            n += 1;
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    (stop, task)
}

/// What the log says.
async fn fold(api: &Api) -> BTreeMap<String, i64> {
    let log = api.request("GET", "/api/export").send().await.unwrap();
    let mut totals = BTreeMap::new();
    for line in log.text().await.unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let sign = if event["type"] == "OrderPlaced" {
            1
        } else {
            -1
        };
        let customer = event["data"]["customer"].as_str().unwrap().to_owned();
        *totals.entry(customer).or_default() += sign;
    }
    totals
}

/// What the read model says, once it has handled everything.
async fn rows(api: &Api) -> BTreeMap<String, i64> {
    let head = &get(api, "/api/store").await["mark"]["position"];
    let waited = get(
        api,
        &format!("/api/read-models/totals?wait={head}&timeout=25"),
    )
    .await;
    assert_eq!(waited["handled"], true, "{waited}");
    let page = get(api, "/api/read-models/totals/rows?limit=1000").await;
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["customer"].as_str().unwrap().to_owned(),
            row["orders"].as_i64().unwrap(),
        )
    })
    .collect()
}

/// Waits until a job is over.
async fn over(api: &Api, id: &Value) -> Value {
    loop {
        let job = get(api, &format!("/api/jobs/{id}")).await;
        if job["state"] != "running" {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Orders a rebuild that takes a while; its job.
async fn begin_rebuild(api: &Api) -> Value {
    let (_, plan) = post(api, "/api/read-models/totals/plan", &json!({}))
        .await
        .unwrap();
    let (status, job) = post(
        api,
        "/api/read-models/totals/rebuild",
        &json!({ "plan": plan }),
    )
    .await
    .unwrap();
    assert_eq!(status, 202, "{job}");
    let speed = format!("/api/jobs/{}/speed", job["id"]);
    let (status, slowed) = post(api, &speed, &json!({"limit": 3_000})).await.unwrap();
    assert_eq!(status, 200, "{slowed}");
    job
}

/// The newest promotion, once no transaction of a killed server can still bring one: each holds the read model's row to its end.
async fn newest_promotion(database_url: &str, api: &Api) -> Option<Value> {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    sqlx::query("select from highwater.read_models where name = 'totals' for update")
        .execute(&mut connection)
        .await
        .unwrap();
    let jobs = get(api, "/api/jobs?kind=promote").await;
    jobs.get(0).cloned()
}

#[tokio::test]
async fn rebuild_goes_on_at_another_server_when_its_own_is_killed() {
    let database_url = database::create().await;
    let mut runs_it = Server::start(&database_url).await;
    fill(&runs_it.api, MANY).await;
    put(&runs_it.api, WRONG).await;
    rows(&runs_it.api).await;
    put(&runs_it.api, RIGHT).await;
    let other = Server::start(&database_url).await;
    let (stop, appending) = keep_appending(other.api.clone());

    let job = begin_rebuild(&runs_it.api).await;
    let path = format!("/api/jobs/{}", job["id"]);
    let done = loop {
        let done = get(&other.api, &path).await["done"].as_i64().unwrap();
        if done > 500 {
            break done;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    runs_it.kill();
    let left = get(&other.api, &path).await;
    assert!(
        left["state"] == "running" && left["done"].as_i64() >= Some(done),
        "{left}"
    );
    let speed = format!("{path}/speed");
    let (status, freed) = post(&other.api, &speed, &json!({"limit": null}))
        .await
        .unwrap();
    assert_eq!(status, 200, "{freed}");
    let job = over(&other.api, &job["id"]).await;
    assert_eq!(job["state"], "done", "{job}");
    promote(&other.api).await;
    stop.send_replace(true);
    appending.join_all().await;
    assert_eq!(rows(&other.api).await, fold(&other.api).await);
}

/// Compares, promotes, and waits until that is verified.
async fn promote(api: &Api) {
    get(api, "/api/read-models/totals/diff").await;
    let seen = json!({"reason": "seen"});
    let order = post(api, "/api/read-models/totals/promote", &seen);
    let (status, job) = order.await.unwrap();
    assert_eq!(status, 202, "{job}");
    let job = over(api, &job["id"]).await;
    assert_eq!(job["state"], "done", "{job}");
}

#[tokio::test]
async fn promotion_whose_server_is_killed_is_whole_or_not_there_at_all() {
    let database_url = database::create().await;
    let other = Server::start(&database_url).await;
    fill(&other.api, EVENTS).await;
    put(&other.api, WRONG).await;
    rows(&other.api).await;
    put(&other.api, RIGHT).await;
    let (stop, appending) = keep_appending(other.api.clone());
    let job = begin_rebuild(&other.api).await;
    assert_eq!(over(&other.api, &job["id"]).await["state"], "done");

    // Cut off anywhere: before it is begun, inside its transaction, behind its commit.
    let mut promoted = None;
    for delay in [0, 2, 5, 9, 14, 22, 35, 60] {
        get(&other.api, "/api/read-models/totals/diff").await;
        let mut victim = Server::start(&database_url).await;
        let api = victim.api.clone();
        let mut order = JoinSet::new();
        order.spawn(async move {
            post(
                &api,
                "/api/read-models/totals/promote",
                &json!({"reason": "seen"}),
            )
            .await
        });
        tokio::time::sleep(Duration::from_millis(delay)).await;
        victim.kill();
        let answered = order.join_all().await.remove(0);
        promoted = newest_promotion(&database_url, &other.api).await;
        if promoted.is_some() {
            break;
        }
        assert!(answered.is_err(), "what is answered is there: {answered:?}");
        let model = get(&other.api, "/api/read-models/totals").await;
        let versions = model["versions"].as_array().unwrap().iter();
        let roles: Vec<_> = versions.map(|version| &version["role"]).collect();
        assert_eq!(roles, ["live", "shadow"], "nothing of the order is left");
    }
    match promoted {
        Some(job) => assert_eq!(over(&other.api, &job["id"]).await["state"], "done"),
        None => promote(&other.api).await,
    }
    stop.send_replace(true);
    appending.join_all().await;
    assert_eq!(rows(&other.api).await, fold(&other.api).await);
}
