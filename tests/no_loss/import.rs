//! An import that is cut off: the server killed, its client killed, its client stopped. Run again, it ends with the file in the
//! log once, in order.

use std::process::Command;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::import_file::{Events, end, head, summary, words};
use crate::mixed_writers::terminate_connections_of_servers;
use crate::program::Server;
use crate::support::database;

/// Waits until an import is under way.
async fn some_are_imported(server: &Server) {
    while head(&server.api).await < 1_000 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn server_killed_in_the_middle_loses_nothing_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let own_postgres = ["--data-dir", folder.path().to_str().unwrap()];
    let events = Events::new(12_000, 1_000);
    let mut server = Server::start_with(&own_postgres).await;
    let client = events.start_import(&server);
    some_are_imported(&server).await;
    let known = head(&server.api).await;
    server.kill();
    let output = end(client).await;
    assert!(!output.status.success());
    assert!(
        words(&output).contains("run the same command again"),
        "{}",
        words(&output)
    );

    let server = Server::start_with(&own_postgres).await;
    let kept = head(&server.api).await;
    assert!(
        kept >= known,
        "{known} were there before the crash, {kept} are after it"
    );
    assert!(kept < events.count(), "it was killed in the middle");
    let summary = events.import(&server).await;
    assert_eq!(summary["skipped"], kept);
    assert_eq!(summary["imported"], events.count() - kept);
    events.are_all_there(&server).await;
}

#[tokio::test]
async fn client_killed_in_the_middle_is_simply_run_again() {
    let server = Server::start(&database::create().await).await;
    let events = Events::new(6_000, 8_000);
    let mut client = events.start_import(&server);
    some_are_imported(&server).await;
    client.kill();
    assert!(
        head(&server.api).await < events.count(),
        "it was killed in the middle"
    );
    // At once: the server may still be recording what the first one had sent.
    let summary = events.import(&server).await;
    assert!(summary["skipped"].as_u64().unwrap() >= 1_000, "{summary}");
    events.are_all_there(&server).await;
}

#[tokio::test]
async fn ctrl_c_of_the_client_says_what_was_done() {
    let server = Server::start(&database::create().await).await;
    let events = Events::new(6_000, 8_000);
    let client = events.start_import(&server);
    some_are_imported(&server).await;
    let interrupt = Command::new("kill")
        .args(["-INT", &client.0.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = end(client).await;
    assert!(!output.status.success());
    let kept = head(&server.api).await;
    assert!(kept < events.count(), "it was stopped in the middle");
    assert_eq!(summary(&output)["imported"], kept);
    let said = words(&output);
    assert!(
        said.contains(&format!("stopped; {kept} events were imported")),
        "{said}"
    );
    assert!(said.contains("Run the same command again"), "{said}");

    assert_eq!(events.import(&server).await["skipped"], kept);
    events.are_all_there(&server).await;
}

#[tokio::test]
async fn import_whose_database_connections_break_again_and_again_ends_with_each_line_once() {
    let database_url = database::create().await;
    let server = Server::start(&database_url).await;
    let mut chaos = JoinSet::new();
    let every = Duration::from_millis(300);
    chaos.spawn(terminate_connections_of_servers(database_url, every));
    // Without ids the client could not send it again: the server has to see to it.
    let events = Events::without_ids(12_000, 500);
    let summary = events.import(&server).await;
    assert_eq!(summary["imported"], events.count());
    chaos.shutdown().await;
    events.are_all_there(&server).await;
}
