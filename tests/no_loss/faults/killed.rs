//! A server that is killed: while it appends, and while it makes its schema.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::{Chance, counts_are_right, define_counts, done, runs, writers};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::{Process, Server, command};
use crate::support::api::ask;
use crate::support::database;

#[tokio::test]
async fn a_server_that_is_killed_at_any_moment_loses_nothing_and_its_read_models_go_on() {
    let database_url = database::create().await;
    let other = Server::start(&database_url).await;
    define_counts(&other.api).await;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    for run in 0..runs() {
        let mut killed = Server::start(&database_url).await;
        let writing = writers(&[killed.api.clone(), other.api.clone()], run, &ledger);
        chance.pause(120).await;
        killed.kill();
        done(writing).await;
    }
    ledger.audit(&log::read(&database_url).await);
    assert_eq!(ledger.count(Fate::Unknown), 0);
    counts_are_right(&other.api, &database_url).await;
}

#[tokio::test]
async fn a_first_start_that_is_killed_at_any_moment_leaves_a_database_that_the_next_one_takes() {
    let mut chance = Chance::new();
    let whole = schema_of(&{
        let url = database::create().await;
        Server::start(&url).await;
        url
    })
    .await;
    assert!(whole.len() > 100, "{}", whole.len());
    for _ in 0..runs() {
        let database_url = database::create().await;
        let mut serve = command();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"]);
        serve.args(["--database-url", &database_url]);
        serve.stdout(std::process::Stdio::null());
        let mut process = Process(serve.spawn().unwrap());
        chance.pause(900).await;
        process.kill();
        let server = Server::start(&database_url).await;
        assert_eq!(schema_of(&database_url).await, whole);
        let append = server.api.request("POST", "/api/streams/first-1/events");
        let (status, body) = ask(append.json(&json!([{"type": "Written", "data": {}}])))
            .await
            .unwrap();
        assert_eq!(status, 201, "{body}");
    }
}

/// Every table, column, index, function and trigger of Highwater's, by name and definition.
async fn schema_of(database_url: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    sqlx::query_scalar(
        "select 'column ' || table_name || '.' || column_name || ' ' || data_type from information_schema.columns where table_schema = 'highwater'
         union all select 'index ' || indexdef from pg_indexes where schemaname = 'highwater'
         union all select 'function ' || pg_get_functiondef(p.oid) from pg_proc p where pronamespace = 'highwater'::regnamespace and prokind = 'f'
         union all select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
           where c.relnamespace = 'highwater'::regnamespace and not t.tgisinternal
         order by 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
}
