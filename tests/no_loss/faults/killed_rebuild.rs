//! A server that is killed while it rebuilds a read model, anywhere from the plan to its last word.

use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::rebuilding::{
    accepted, cut_off, define, definition, discard_shadow, fill, job_of, newest_id,
    nothing_is_left, order_rebuild, over, roles, rows_are_right, settled,
};
use super::{Chance, done, found, ms_since, runs, until, writers};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::Server;
use crate::support::api::{Api, ask};
use crate::support::database;

const NAME: &str = "counts";

#[tokio::test]
async fn a_rebuild_whose_server_is_killed_at_any_moment_is_ended_by_another_one() {
    let database_url = database::create().await;
    let other = Server::start(&database_url).await;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    fill(&other.api, &ledger).await;
    define(&other.api, NAME, 0).await;
    rows_are_right(&other.api, &database_url, NAME, 0).await;
    // The kills are spread over the time that a whole one takes.
    let began = Instant::now();
    let job = accepted(order_rebuild(&other.api, NAME).await);
    over(&other.api, &job).await;
    let took = ms_since(began);
    ends_well(&other.api, &database_url, &job).await;

    let mut next = Server::start(&database_url).await;
    for run in 0..runs() {
        let before = newest_id(&other.api, NAME, "rebuild").await;
        let writing = writers(&[next.api.clone(), other.api.clone()], run, &ledger);
        let api = next.api.clone();
        let order = async move { order_rebuild(&api, NAME).await };
        let answered = cut_off(&mut next, order, &mut chance, took).await;
        // Either of the two goes on with it.
        next = Server::start(&database_url).await;
        settled(&database_url, NAME).await;
        let begun = job_of(answered, &other.api, NAME, "rebuild", &before).await;
        let job = if let Some(job) = begun {
            job
        } else {
            let roles = roles(&other.api, NAME).await;
            assert_eq!(roles, ["live"], "nothing of the order is left");
            accepted(order_rebuild(&other.api, NAME).await)
        };
        done(writing).await;
        ends_well(&other.api, &database_url, &job).await;
    }

    ledger.audit(&log::read(&database_url).await);
    assert_eq!(ledger.count(Fate::Unknown), 0);
    nothing_is_left(&database_url, 2).await;
}

/// The job says that it is done, and has built what is live, with its index. Then the shadow makes room for the next.
async fn ends_well(api: &Api, database_url: &str, job: &Value) {
    let job = over(api, job).await;
    assert_eq!(job["state"], "done", "{job}");
    let outcome = job["outcome"].as_str().unwrap();
    assert!(outcome.contains("level with the log"), "{job}");
    assert_eq!(roles(api, NAME).await, ["live", "shadow"]);
    rows_are_right(api, database_url, NAME, 0).await;
    let diff = format!("/api/read-models/{NAME}/diff");
    let diff = until("they are compared", async || found(api, &diff).await).await;
    assert_eq!(diff["identical"], true, "{diff}");
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    let indexes: i64 = sqlx::query_scalar(
        "select count(*) from pg_indexes where schemaname = 'counts__shadow' and indexname = 'counts_events'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(indexes, 1);
    discard_shadow(api, NAME).await;
    assert_eq!(roles(api, NAME).await, ["live"]);
}

#[tokio::test]
async fn what_a_killed_server_had_under_way_ends_with_it_and_holds_up_nobody() {
    let database_url = database::create().await;
    let other = Server::start(&database_url).await;
    fill(&other.api, &Ledger::default()).await;
    define(&other.api, NAME, 0).await;
    let slow = format!(
        "{}select pg_sleep(14) from events limit 1;\n",
        definition(1)
    );
    let put = other.api.request("PUT", "/api/read-models/counts");
    let (status, waits) = ask(put.body(slow)).await.unwrap();
    assert_eq!(status, 202, "{waits}");

    let mut killed = Server::start(&database_url).await;
    let api = killed.api.clone();
    let mut given = JoinSet::new();
    given.spawn(async move { order_rebuild(&api, NAME).await });
    let mut connection = PgConnection::connect(&database_url).await.unwrap();
    let tries = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'highwater definition' and wait_event = 'PgSleep'";
    until("the plan tries it", async || {
        let trying: i64 = sqlx::query_scalar(tries)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        (trying == 1).then_some(()).ok_or("not yet".to_owned())
    })
    .await;
    killed.kill();
    let began = Instant::now();
    // Definitions take turns.
    define(&other.api, "others", 0).await;
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "it waited for what nobody wants any more"
    );
    given.join_next().await.unwrap().unwrap().unwrap_err();
    assert_eq!(roles(&other.api, NAME).await, ["live", "waiting"]);
}
