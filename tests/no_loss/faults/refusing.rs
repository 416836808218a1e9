//! A Postgres that is there, and takes no writes, no connections, or tells nobody.

use highwater_store::Ids;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Chance, counts_are_right, define_counts, done, found, runs, until, writers};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::Server;
use crate::reader::Reader;
use crate::support::api::{Api, ask};
use crate::support::database;

pub(super) async fn sql(database_url: &str, statement: String) {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}

fn name_of(database_url: &str) -> String {
    let url = reqwest::Url::parse(database_url).unwrap();
    url.path().trim_start_matches('/').to_owned()
}

/// Ends the connections of the servers, so that they make new ones by the settings that hold now.
const END_CONNECTIONS: &str = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'highwater%'";

async fn append_one(api: &Api, id: &str) -> (u16, Value) {
    let events = json!([{"id": id, "type": "Written", "data": {"by": "api"}}]);
    let request = api
        .request("POST", "/api/streams/one-1/events")
        .json(&events);
    let (status, body) = ask(request).await.unwrap();
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_read_and_told_of_and_nothing_counts_as_failed() {
    let database_url = database::create().await;
    let name = name_of(&database_url);
    let server = Server::start(&database_url).await;
    define_counts(&server.api).await;
    let first = Ids.event_id().to_string();
    assert_eq!(append_one(&server.api, &first).await.0, 201);
    counts_are_right(&server.api, &database_url).await;

    sql(
        &database_url,
        format!("alter database {name} set default_transaction_read_only = on"),
    )
    .await;
    sql(
        &database_url,
        format!("set transaction read write; {END_CONNECTIONS}"),
    )
    .await;
    let second = Ids.event_id().to_string();
    let problem = until("an append is refused", async || {
        let (status, problem) = append_one(&server.api, &second).await;
        let kind = problem["type"].as_str().unwrap_or_default();
        assert_eq!(status, 503, "{problem}");
        kind.ends_with("not_writable")
            .then(|| problem.clone())
            .ok_or(problem.to_string())
    })
    .await;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("nothing of this was recorded"),
        "{problem}"
    );
    until("it is told of", async || {
        let (status, checks) = ask(server.api.request("GET", "/api/store/checks"))
            .await
            .unwrap();
        let said = checks.to_string();
        (status == 200 && said.contains("default_transaction_read_only is on"))
            .then_some(())
            .ok_or(said)
    })
    .await;
    let page = until("it is read meanwhile", async || {
        found(&server.api, "/api/events").await
    })
    .await;
    assert_eq!(page["head"], 1);

    sql(
        &database_url,
        format!(
            "set transaction read write; alter database {name} reset default_transaction_read_only"
        ),
    )
    .await;
    sql(
        &database_url,
        format!("set transaction read write; {END_CONNECTIONS}"),
    )
    .await;
    until("appends are taken again", async || {
        let (status, body) = append_one(&server.api, &second).await;
        (status == 201).then_some(()).ok_or(body.to_string())
    })
    .await;
    counts_are_right(&server.api, &database_url).await;
    let failures = found(&server.api, "/api/read-models/counts/failures").await;
    let failures = failures.unwrap();
    assert!(!failures.to_string().contains("read-only"), "{failures}");
}

#[tokio::test]
async fn a_database_without_a_free_connection_is_waited_for() {
    let database_url = database::create().await;
    let name = name_of(&database_url);
    let server = Server::start(&database_url).await;
    let ledger = Ledger::default();
    // A superuser is not bound by a limit, and tests are one: so nobody gets in at all.
    let admin = database_url.replacen(&name, "postgres", 1);
    sql(
        &admin,
        format!("alter database {name} allow_connections false"),
    )
    .await;
    let end = END_CONNECTIONS.replace("current_database()", &format!("'{name}'"));
    sql(&admin, end).await;
    let refused = until("it says so", async || {
        let (status, problem) = append_one(&server.api, &Ids.event_id().to_string()).await;
        (status == 503)
            .then(|| problem.clone())
            .ok_or(problem.to_string())
    })
    .await;
    assert!(
        refused["detail"].as_str().unwrap().contains("try again"),
        "{refused}"
    );
    let writing = writers(std::slice::from_ref(&server.api), 0, &ledger);
    sql(
        &admin,
        format!("alter database {name} allow_connections true"),
    )
    .await;
    done(writing).await;
    let log = log::read(&database_url).await;
    assert!(log.len() >= ledger.count(Fate::Committed));
}

#[tokio::test]
async fn an_append_whose_notification_is_lost_is_seen_all_the_same() {
    let database_url = database::create().await;
    let appends = Server::start(&database_url).await;
    let listens = Server::start(&database_url).await;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    let (finished, end) = watch::channel(None);
    let mut reader = JoinSet::new();
    reader.spawn(Reader::new(vec![listens.api.clone()], end).follow());
    for run in 0..runs() {
        let writing = writers(std::slice::from_ref(&appends.api), run, &ledger);
        chance.pause(30).await;
        let of_listeners = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen %'";
        sql(&database_url, of_listeners.to_owned()).await;
        done(writing).await;
    }
    let log = log::read(&database_url).await;
    ledger.audit(&log);
    finished.send_replace(Some(log.last().unwrap().0));
    assert!(reader.join_next().await.unwrap().unwrap() == log);
}
