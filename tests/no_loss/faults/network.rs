//! What the network between a server and its Postgres does.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Chance, counts_are_right, define_counts, done, runs, writers};
use crate::ledger::Ledger;
use crate::log;
use crate::program::Server;
use crate::proxy::{Mood, Proxy};
use crate::reader::Reader;
use crate::support::database;

#[tokio::test]
async fn whatever_the_network_does_between_server_and_database_nothing_is_lost() {
    let database_url = database::create().await;
    let proxy = Proxy::to(&database_url).await;
    let server = Server::start(&proxy.url(&database_url)).await;
    let servers = [server.api.clone()];
    define_counts(&server.api).await;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    let (finished, end) = watch::channel(None);
    let mut readers = JoinSet::new();
    readers.spawn(Reader::new(servers.to_vec(), end.clone()).follow());
    readers.spawn(Reader::new(servers.to_vec(), end.clone()).poll());

    for run in 0..runs() {
        let writing = writers(&servers, run, &ledger);
        chance.pause(40).await;
        match run % 6 {
            0 => proxy.cut(),
            1 => {
                let at = usize::try_from(chance.below(300)).unwrap();
                proxy.be(Mood::Breaks(at));
                chance.pause(150).await;
            }
            2 => {
                proxy.be(Mood::Slow(Duration::from_millis(1 + chance.below(60))));
                chance.pause(600).await;
            }
            3 => {
                proxy.be(Mood::Silent);
                chance.pause(600).await;
            }
            4 => {
                proxy.be(Mood::Silent);
                chance.pause(300).await;
                proxy.cut();
            }
            _ => {
                proxy.be(Mood::Refuses);
                proxy.cut();
                chance.pause(600).await;
            }
        }
        proxy.be(Mood::Passes);
        // Each writer goes on until all of its events are answered as recorded.
        done(writing).await;
    }

    let log = log::read(&database_url).await;
    ledger.audit(&log);
    finished.send_replace(Some(log.last().unwrap().0));
    while let Some(seen) = readers.join_next().await {
        assert!(seen.unwrap() == log, "a reader saw something else");
    }
    counts_are_right(&server.api, &database_url).await;
}
