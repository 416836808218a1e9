//! Many writers of every kind at two servers, and readers at both.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api_writer::{self, Target};
use crate::ledger::{Fate, Ledger};
use crate::program::Server;
use crate::reader::Reader;
use crate::sql_writer::SqlWriter;
use crate::support::api::Api;
use crate::support::database;
use crate::{log, worker};

#[tokio::test]
async fn each_reader_sees_each_committed_event_once_and_in_order() {
    let database_url = database::create().await;
    let servers = [
        Server::start(&database_url).await,
        Server::start(&database_url).await,
    ];
    let ledger = Ledger::default();
    let (done, end) = watch::channel(None);
    let mut readers = JoinSet::new();
    for server in &servers {
        for _ in 0..2 {
            readers.spawn(Reader::new(vec![server.api.clone()], end.clone()).follow());
            readers.spawn(Reader::new(vec![server.api.clone()], end.clone()).poll());
        }
    }

    let mut writers = JoinSet::new();
    for number in 0..12 {
        let api = vec![servers[number % 2].api.clone()];
        let target = if number < 6 {
            Target::Own(format!("own-{number}"))
        } else {
            Target::Shared(format!("shared-{}", number % 4))
        };
        writers.spawn(api_writer::write(api, target, 40, ledger.clone()));
    }
    for number in 0..8 {
        let writer = SqlWriter {
            database_url: database_url.clone(),
            ledger: ledger.clone(),
            number,
        };
        writers.spawn(writer.write(18));
    }
    for commits in [5, 20] {
        let (database_url, ledger) = (database_url.clone(), ledger.clone());
        writers.spawn_blocking(move || worker::run_and_kill(&database_url, commits, &ledger));
    }
    let mut chaos = JoinSet::new();
    chaos.spawn(terminate_connections_of_servers(
        database_url.clone(),
        Duration::from_millis(100),
    ));
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    chaos.shutdown().await;

    // Whatever was killed is gone now: the last worker's transaction has ended either way.
    let log = settled(&database_url).await;
    ledger.audit(&log);
    assert!(ledger.count(Fate::Never) > 50 && ledger.count(Fate::Committed) > 500);
    done.send_replace(Some(log.last().unwrap().0));
    while let Some(seen) = readers.join_next().await {
        assert!(seen.unwrap() == log, "a reader saw something else");
    }
}

#[tokio::test]
async fn an_append_whose_server_is_killed_is_there_once_when_it_is_sent_to_the_other() {
    let database_url = database::create().await;
    let mut killed = Server::start(&database_url).await;
    let other = Server::start(&database_url).await;
    let ledger = Ledger::default();
    let (done, end) = watch::channel(None);
    let addresses: Vec<Api> = vec![killed.api.clone(), other.api.clone()];
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        readers.spawn(Reader::new(addresses.clone(), end.clone()).follow());
        readers.spawn(Reader::new(addresses.clone(), end.clone()).poll());
    }
    readers.spawn(Reader::new(vec![other.api.clone()], end.clone()).follow());

    let mut writers = JoinSet::new();
    for number in 0..16 {
        let mut addresses = addresses.clone();
        addresses.rotate_left(usize::from(number % 4 == 0));
        let target = if number % 2 == 0 {
            Target::Own(format!("own-{number}"))
        } else {
            Target::Shared(format!("shared-{}", number % 3))
        };
        writers.spawn(api_writer::write(addresses, target, 40, ledger.clone()));
    }
    while ledger.count(Fate::Committed) < 300 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    killed.kill();
    assert!(!writers.is_empty(), "it was killed while they wrote");
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }

    let log = settled(&database_url).await;
    ledger.audit(&log);
    done.send_replace(Some(log.last().unwrap().0));
    while let Some(seen) = readers.join_next().await {
        assert!(seen.unwrap() == log, "a reader saw something else");
    }
}

/// Again and again, one connection of one of the servers: a batch's, a reader's, the one that listens.
pub(crate) async fn terminate_connections_of_servers(database_url: String, every: Duration) {
    let mut connection = PgConnection::connect(&database_url).await.unwrap();
    loop {
        sqlx::query(
            "select pg_terminate_backend(pid) from (
               select pid from pg_stat_activity where datname = current_database() and application_name = 'highwater'
               order by random() limit 1) one",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        tokio::time::sleep(every).await;
    }
}

/// The log once no transaction that could still add to it is open.
async fn settled(database_url: &str) -> Vec<(i64, uuid::Uuid)> {
    let mut connection = PgConnection::connect(database_url).await.unwrap();
    let open = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                and (state like 'idle in transaction%' or state = 'active' and query like '%highwater.append%' or query = 'COMMIT' and state = 'active')";
    while sqlx::query_scalar::<_, i64>(open)
        .fetch_one(&mut connection)
        .await
        .unwrap()
        > 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    log::read(database_url).await
}
