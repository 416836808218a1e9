//! Servers that are replaced while they are used.

use std::time::Duration;

use futures_util::StreamExt;
use highwater_store::Ids;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::refusing::sql;
use super::{WRITERS, counts_are_right, define_counts, done, runs_or, until, writers};
use crate::front::Front;
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::{Server, command};
use crate::reader::Reader;
use crate::support::api::{Api, ask};
use crate::support::database;
use crate::support::socket::{self, Socket};

/// How long a server goes on after it was told to stop.
const DRAIN: &str = "2";

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_replaced_one_after_the_other_and_no_request_fails() {
    let database_url = database::create().await;
    let front = Front::new().await;
    let mut servers = [
        start(&database_url, &front).await,
        start(&database_url, &front).await,
    ];
    define_counts(&front.api).await;
    let ledger = Ledger::default();
    let (enough, is_enough) = watch::channel(false);
    let mut writing = JoinSet::new();
    for number in 0..WRITERS {
        writing.spawn(write(
            front.api.clone(),
            format!("upgrade-{number}"),
            is_enough.clone(),
            ledger.clone(),
        ));
    }
    let (finished, end) = watch::channel(None);
    let mut readers = JoinSet::new();
    readers.spawn(Reader::new(vec![front.api.clone()], end.clone()).follow());
    readers.spawn(Reader::new(vec![front.api.clone()], end.clone()).poll());

    for _ in 0..runs_or(3) {
        // As a rolling upgrade does: the new one is ready before an old one goes.
        let new = start(&database_url, &front).await;
        let old = std::mem::replace(&mut servers[0], new);
        servers.rotate_left(1);
        let before = ledger.count(Fate::Committed);
        end_in_order(old, &front).await;
        assert!(ledger.count(Fate::Committed) > before, "they wrote on");
    }

    enough.send_replace(true);
    done(writing).await;
    let log = log::read(&database_url).await;
    ledger.audit(&log);
    finished.send_replace(Some(log.last().unwrap().0));
    while let Some(seen) = readers.join_next().await {
        assert!(seen.unwrap() == log, "a reader saw something else");
    }
    counts_are_right(&front.api, &database_url).await;
}

/// One more server, once new connections come to it.
async fn start(database_url: &str, front: &Front) -> Server {
    let server = Server::start_with(&["--database-url", database_url, "--drain", DRAIN]).await;
    front.add(&server.api);
    until("it is ready", async || {
        let is_used = front.sends_to(&server.api);
        is_used.then_some(()).ok_or("not yet".to_owned())
    })
    .await;
    server
}

/// Appends, and reads, without pause. Whatever is not answered as it should be fails.
async fn write(front: Api, stream: String, is_enough: watch::Receiver<bool>, ledger: Ledger) {
    let mut expected = "none".to_owned();
    while !*is_enough.borrow() {
        let id = Ids.event_id();
        let events = json!([{"type": "Written", "id": id, "data": {"by": "api"}}]);
        let append = front
            .request("POST", &format!("/api/streams/{stream}/events"))
            .header("expected-version", &expected)
            .json(&events);
        let (status, appended) = ask(append).await.expect("an append is answered");
        assert_eq!(status, 201, "{appended}");
        ledger.note(&[id], Fate::Committed);
        expected = appended["last_version"].to_string();
        let read = ask(front.request("GET", "/api/events?limit=1")).await;
        let (status, page) = read.expect("a reader is answered");
        assert_eq!(status, 200, "{page}");
    }
}

/// Tells a server to stop, and sees how it leaves.
async fn end_in_order(mut old: Server, front: &Front) {
    let mut live = socket::open(&old.api.address).await.unwrap();
    socket::subscribe_at_head(&mut live).await.unwrap();
    old.tell_to_stop();
    until("it says that it is not ready", async || {
        let (status, said) = ask(old.api.request("GET", "/readyz")).await.unwrap();
        (status == 503).then_some(()).ok_or(said.to_string())
    })
    .await;
    // Whoever has not heard of it yet is answered, and comes back by another connection.
    let late = old.api.request("GET", "/api/events?limit=1");
    let late = late.send().await.unwrap();
    assert_eq!(late.status(), 200);
    assert_eq!(late.headers()["connection"], "close");
    assert_eq!(closed_with(&mut live).await, CloseCode::Restart);
    let in_order = until("it ends", async || {
        old.has_ended_well().ok_or("it still runs".to_owned())
    });
    assert!(in_order.await, "it ends in order");
    assert!(!front.sends_to(&old.api));
    front.remove(&old.api);
}

/// Why a server closed a live connection.
async fn closed_with(socket: &mut Socket) -> CloseCode {
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(30), socket.next());
        let heard = heard.await.expect("the server went silent");
        if let Message::Close(frame) = heard.unwrap().unwrap() {
            return frame.unwrap().code;
        }
    }
}

#[tokio::test]
async fn a_server_goes_on_beside_a_newer_schema_and_an_older_one_does_not_start_on_it() {
    let database_url = database::create().await;
    let running = Server::start(&database_url).await;
    let servers = [running.api.clone()];
    define_counts(&running.api).await;
    let ledger = Ledger::default();
    done(writers(&servers, 0, &ledger)).await;
    counts_are_right(&running.api, &database_url).await;

    // What the next version's first server may do.
    let next = "begin;
        insert into highwater.schema_versions (version, program) select max(version) + 1, 'next' from highwater.schema_versions;
        alter table highwater.events add column of_next text;
        alter table highwater.streams add column of_next text;
        alter table highwater.read_model_progress add column of_next text;
        commit";
    sql(&database_url, next.to_owned()).await;
    done(writers(&servers, 1, &ledger)).await;
    counts_are_right(&running.api, &database_url).await;
    ledger.audit(&log::read(&database_url).await);

    let mut older = command();
    older.args(["serve", "--listen", "127.0.0.1:0"]);
    older.args(["--database-url", &database_url]);
    let older = spawn_blocking(move || older.output().unwrap());
    let older = older.await.unwrap();
    assert!(!older.status.success());
    let said = String::from_utf8_lossy(&older.stderr);
    assert!(said.contains("start that one or newer"), "{said}");
}
