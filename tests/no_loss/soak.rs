//! The soak's short form: what it holds against the log after an hour, after some seconds. How fast and how small it is, `cargo xtask
//! soak` measures.

use std::sync::Arc;
use std::time::Duration;

use crate::load::Load;
use crate::load::tally::Tally;
use crate::program::Server;
use crate::support::database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_steady_load_nothing_is_lost_or_refused_and_read_models_are_the_fold_of_the_log() {
    let url = database::create().await;
    let server = Server::start(&url).await;
    let load = Load {
        events_per_s: 200,
        events_per_append: 1,
        connections: 8,
        readers: 10,
        read_models: 5,
        time: Duration::from_secs(20),
        patience: None,
    };
    let tally = Arc::new(Tally::new().unwrap());
    let address = server.api.address.parse().unwrap();
    let running = load.begin(address, &tally).await.unwrap();
    let written = running.append().await.unwrap();
    let audit = running.end(written, &url).await.unwrap();
    assert!(audit.wrong.is_empty(), "{audit:?}");
    assert_eq!((audit.acknowledged, audit.events), (4_000, 4_000));
    let window = tally.take().unwrap();
    assert_eq!((window.accepted, window.not_sent), (4_000, 0));
    assert!(window.refused.is_empty(), "{:?}", window.refused);
    assert_eq!(
        (window.broken, window.gaps),
        (0, 0),
        "10 readers are few: none has a reason to be slow"
    );
}
