//! Everything is delivered to every service a second time.

use crate::log;
use crate::program::Server;
use crate::services::{SERVICES, placed, replay, rest, start};
use crate::support::database;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_twice_is_done_once() {
    let server = Server::start(&database::create().await).await;
    let order = ["--rate", "20", "--orders", "40", "--seed", "2"];
    let mut all = start(&server, "all", &order);
    placed(&server, 40).await;
    rest(&server, &SERVICES).await;
    let before = log::export(&server).await;
    assert_eq!(log::orders(&before).len(), 40);

    // To those that remember, and to those that know nothing but the log.
    for again in ["the same process", "another process"] {
        for service in SERVICES {
            replay(&server, service).await;
        }
        rest(&server, &SERVICES).await;
        let after = log::export(&server).await;
        let added = &after[before.len()..];
        assert!(added.is_empty(), "{again}: {added:#?}");
        all.kill();
        all = start(&server, "all", &order);
    }
}
