//! `highwater demo` as a command.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::{Process, Server, command};
use crate::services::{SERVICES, get, placed, start};
use crate::support::database;

#[test]
fn an_unknown_service_is_refused_with_those_there_are() {
    let output = command().args(["demo", "invoices"]).output().unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    for name in SERVICES.iter().chain(&["customers", "all"]) {
        assert!(words.contains(name), "{words}");
    }
}

/// SIGTERM; it ends well, and soon.
async fn terminate(mut process: Process) {
    let id = process.0.id().to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(15);
    let status = loop {
        if let Some(status) = process.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_to_stop_gives_back_what_it_has() {
    let mut server = Server::start(&database::create().await).await;
    let all = start(&server, "all", &["--rate", "20"]);
    placed(&server, 10).await;
    terminate(all).await;
    for name in SERVICES {
        let found = get(&server, &format!("/api/subscriptions/{name}")).await;
        assert_eq!(found["unacknowledged"], 0, "{found:#}");
    }
    // Also when there is no server to say it to.
    let orders = start(&server, "orders", &[]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    terminate(orders).await;
}
