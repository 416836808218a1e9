//! A Postgres that is killed: all of it, or one of its processes, whichever, at which it ends the others and begins anew by itself.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Chance, counts_are_right, define_counts, done, found, runs_or, until, writers};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::postgres::{self, Postgres};
use crate::program::Server;
use crate::reader::Reader;

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_at_any_moment_has_all_that_was_answered_and_all_goes_on() {
    let mut postgres = Postgres::new().await;
    let database_url = postgres.url();
    let server = Server::start(&database_url).await;
    define_counts(&server.api).await;
    let servers = [server.api.clone()];
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    let (finished, end) = watch::channel(None);
    let mut readers = JoinSet::new();
    readers.spawn(Reader::new(servers.to_vec(), end.clone()).follow());
    readers.spawn(Reader::new(servers.to_vec(), end.clone()).poll());

    for run in 0..runs_or(4) {
        let writing = writers(&servers, run, &ledger);
        chance.pause(60).await;
        if run % 2 == 0 {
            kill_one(&database_url, &mut chance).await;
        } else {
            postgres.kill().await;
            chance.pause(300).await;
            postgres.start().await;
        }
        // Each writer goes on until all of its events are answered as recorded.
        done(writing).await;
    }

    let log = log::read(&database_url).await;
    ledger.audit(&log);
    assert_eq!(ledger.count(Fate::Unknown), 0);
    finished.send_replace(Some(log.last().unwrap().0));
    let read = async {
        while let Some(seen) = readers.join_next().await {
            assert!(seen.unwrap() == log, "a reader saw something else");
        }
    };
    let read = tokio::time::timeout(Duration::from_mins(2), read).await;
    read.expect("readers get nothing any more");
    counts_are_right(&server.api, &database_url).await;
    let failures = "/api/read-models/counts/failures";
    let failures = until("it is answered", async || {
        found(&server.api, failures).await
    })
    .await;
    assert_eq!(failures, json!([]), "no event is to blame");
}

/// Kills one of the processes, and waits until the others have ended.
async fn kill_one(database_url: &str, chance: &mut Chance) {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    loop {
        let processes: Vec<i32> =
            sqlx::query_scalar("select pid from pg_stat_activity order by pid")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        let among = u64::try_from(processes.len()).unwrap();
        let one = processes[usize::try_from(chance.below(among)).unwrap()];
        // Otherwise it has ended by itself meanwhile.
        if postgres::kill(one.unsigned_abs()) {
            break;
        }
    }
    until("the session has ended", async || {
        let asked = sqlx::query("select 1").execute(&mut connection).await;
        asked.err().map(drop).ok_or("it goes on".to_owned())
    })
    .await;
}
