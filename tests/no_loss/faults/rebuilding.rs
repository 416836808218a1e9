//! Rebuilds and promotions, as an operator orders them; orders whose server is killed meanwhile; and what may be left of those.

use std::time::Duration;

use highwater_store::Ids;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Chance, all_are_handled, found, rows, until};
use crate::ledger::{Fate, Ledger};
use crate::program::Server;
use crate::support::api::{Api, ask};

/// What an order was answered, unless its server was killed first.
pub(super) type Answer = Result<(StatusCode, Value), reqwest::Error>;

/// Counts, in rows that say which definition has made them. Its index waits for the end of a rebuild.
pub(super) fn definition(made: usize) -> String {
    format!(
        "-- highwater: events Written
-- highwater: tables
create table counts (by text primary key, events bigint not null, made int not null);
create index counts_events on counts (events);
-- highwater: slice
insert into counts select data->>'by', count(*), {made} from events group by 1
on conflict (by) do update set events = counts.events + excluded.events;
"
    )
}

pub(super) async fn define(api: &Api, name: &str, made: usize) {
    let put = api.request("PUT", &format!("/api/read-models/{name}"));
    let (status, body) = ask(put.body(definition(made))).await.unwrap();
    assert!(status.is_success(), "{body}");
}

/// A log to rebuild from: some slices.
pub(super) async fn fill(api: &Api, ledger: &Ledger) {
    for number in 0..4 {
        let ids: Vec<Uuid> = (0..500).map(|_| Ids.event_id()).collect();
        let events: Vec<Value> = ids
            .iter()
            .map(|id| json!({"type": "Written", "id": id, "data": {"by": "api"}}))
            .collect();
        let append = api.request("POST", &format!("/api/streams/filled-{number}/events"));
        let (status, body) = ask(append.json(&events)).await.unwrap();
        assert_eq!(status, 201, "{body}");
        ledger.note(&ids, Fate::Committed);
    }
}

/// Plans a rebuild, and orders it.
pub(super) async fn order_rebuild(api: &Api, name: &str) -> Answer {
    let plan = api.request("POST", &format!("/api/read-models/{name}/plan"));
    let (status, plan) = ask(plan).await?;
    assert_eq!(status, 200, "{plan}");
    let rebuild = api.request("POST", &format!("/api/read-models/{name}/rebuild"));
    ask(rebuild.json(&json!({ "plan": plan }))).await
}

pub(super) async fn order_promotion(api: &Api, name: &str) -> Answer {
    let promote = api.request("POST", &format!("/api/read-models/{name}/promote"));
    ask(promote.json(&json!({"reason": "seen"}))).await
}

pub(super) async fn discard_shadow(api: &Api, name: &str) {
    let discard = api.request("POST", &format!("/api/read-models/{name}/discard"));
    let order = json!({"version": "shadow", "reason": "seen"});
    let (status, body) = ask(discard.json(&order)).await.unwrap();
    assert_eq!(status, 200, "{body}");
}

/// The job of an order that nothing disturbed.
pub(super) fn accepted(answer: Answer) -> Value {
    let (status, job) = answer.unwrap();
    assert_eq!(status, 202, "{job}");
    job
}

/// Kills a server at some moment after it was given an order.
pub(super) async fn cut_off(
    killed: &mut Server,
    order: impl Future<Output = Answer> + Send + 'static,
    chance: &mut Chance,
    within_ms: u64,
) -> Answer {
    let mut given = JoinSet::new();
    given.spawn(order);
    chance.pause_within(within_ms).await;
    killed.kill();
    given.join_next().await.unwrap().unwrap()
}

/// Waits until a killed server can bring nothing more: each order holds the read model's row to its end.
pub(super) async fn settled(database_url: &str, name: &str) {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    sqlx::query("select from highwater.read_models where name = $1 for update")
        .bind(name)
        .execute(&mut connection)
        .await
        .unwrap();
}

async fn newest(api: &Api, name: &str, kind: &str) -> Option<Value> {
    let path = format!("/api/jobs?read_model={name}&kind={kind}&limit=1");
    let jobs = until("jobs are told", async || found(api, &path).await).await;
    jobs.get(0).cloned()
}

/// The newest job of a kind; null: there is none.
pub(super) async fn newest_id(api: &Api, name: &str, kind: &str) -> Value {
    let newest = newest(api, name, kind).await;
    newest.map_or(Value::Null, |job| job["id"].clone())
}

/// The job of an order that was cut off, if there is one since. What was answered is there.
pub(super) async fn job_of(
    answered: Answer,
    api: &Api,
    name: &str,
    kind: &str,
    before: &Value,
) -> Option<Value> {
    let newest = newest(api, name, kind).await;
    let begun = newest.filter(|job| job["id"] != *before);
    if let Ok((status, job)) = answered {
        assert_eq!(status, 202, "{job}");
        let there = begun.as_ref().map(|begun| &begun["id"]);
        assert_eq!(there, Some(&job["id"]), "what was answered is there");
    }
    begun
}

/// Waits until a job is over; that a promotion failed is known after half a minute.
pub(super) async fn over(api: &Api, job: &Value) -> Value {
    let path = format!("/api/jobs/{}", job["id"]);
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let job = until("jobs are told", async || found(api, &path).await).await;
        if job["state"] != "running" {
            return job;
        }
        assert!(Instant::now() < deadline, "{job}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What versions of a read model there are.
pub(super) async fn roles(api: &Api, name: &str) -> Vec<String> {
    let path = format!("/api/read-models/{name}");
    let model = until("it is told of", async || found(api, &path).await).await;
    let versions = model["versions"].as_array().unwrap().iter();
    versions
        .map(|version| version["role"].as_str().unwrap().to_owned())
        .collect()
}

/// The live rows are of this definition, and the fold of the log.
pub(super) async fn rows_are_right(api: &Api, database_url: &str, name: &str, made: usize) {
    let events = all_are_handled(api, database_url, name).await;
    let right = json!([{"by": "api", "events": events, "made": made}]);
    assert_eq!(rows(api, name).await, right);
}

/// No job runs, no schema is without its version, and nothing of a killed server is left: no lease, no session of an order.
pub(super) async fn nothing_is_left(database_url: &str, living: i64) {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    let jobs = "select job_id from highwater.jobs where state in ('planned', 'running')";
    let jobs: Vec<i64> = sqlx::query_scalar(jobs)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(jobs.is_empty(), "{jobs:?} still run");
    let schemas = "select nspname::text from pg_namespace where nspname like 'counts%'";
    let mut schemas: Vec<String> = sqlx::query_scalar(schemas)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let of_versions =
        "select schema_name from highwater.read_model_versions where schema_name is not null";
    let mut of_versions: Vec<String> = sqlx::query_scalar(of_versions)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    schemas.sort();
    of_versions.sort();
    assert_eq!(schemas, of_versions);
    let sessions = "select count(*) filter (where application_name = 'highwater leases'),
           count(*) filter (where application_name = 'highwater definition' or application_name like 'highwater indexes%')
         from pg_stat_activity where datname = current_database()";
    until("only sessions of those that live are left", async || {
        let (leases, orders): (i64, i64) = sqlx::query_as(sessions)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let is_so = leases == living && orders == 0;
        is_so.then_some(()).ok_or(format!("{leases} and {orders}"))
    })
    .await;
}
