//! A database whose disk is full: a small one in memory, which takes root. Its tables find no room, or its own log finds none, and then Postgres ends.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::Ids;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use uuid::Uuid;

use super::{
    Chance, counts_are_right, define_counts, done, found, not_possible_here, runs_or, until,
    writers,
};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::program::Server;
use crate::reader::Reader;
use crate::support::api::{Api, ask};

/// A new database has 40 MiB, and its log may grow by 64.
const MIB: u32 = 176;
/// Writers of what is large.
const LARGE: usize = 2;
/// Between two tries of these: each leaves something in the database's own log.
const PAUSE: Duration = Duration::from_millis(100);

/// A disk of its own, gone with this value.
struct Disk(TempDir);

impl Disk {
    /// Why there can't be one, otherwise.
    fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={MIB}m,mode=0700")])
            .arg("tmpfs")
            .arg(folder.path())
            .output()
            .map_err(|error| format!("mount: {error}"))?;
        let said = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
        let is_mounted = mounted.status.success();
        is_mounted.then(|| Self(folder)).ok_or(said)
    }

    fn balloon(&self) -> PathBuf {
        self.0.path().join("balloon")
    }

    /// Takes all the room but so many bytes.
    fn fill(&self, but: u64) {
        let mut balloon = File::create(self.balloon()).unwrap();
        let block = vec![0_u8; 64 << 10];
        while balloon.write_all(&block).is_ok() {}
        let bytes = balloon.metadata().unwrap().len();
        balloon.set_len(bytes.saturating_sub(but)).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.balloon()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what still has a file open there is on its way out.
        let mut unmount = Command::new("umount");
        let _: Result<_, _> = unmount.arg("-l").arg(self.0.path()).status();
    }
}

/// A Postgres that keeps its data there, and may end when there is no room.
struct Postgres {
    running: Option<Embedded>,
    disk: Disk,
}

impl Postgres {
    async fn start(&mut self) {
        let small = [("min_wal_size", "32MB"), ("max_wal_size", "64MB")];
        let settings = small.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = Options {
            settings: settings.to_vec(),
            ..Options::new(self.disk.0.path())
        };
        let ended = self.running.take();
        let started = spawn_blocking(move || {
            drop(ended);
            let binaries = Binaries::find_or_fetch(&mut |_| {}).unwrap();
            Embedded::start(&binaries, &options, &mut |_| {}).unwrap()
        });
        self.running = Some(started.await.unwrap());
    }

    fn url(&self) -> String {
        self.running.as_ref().unwrap().url()
    }

    fn has_ended(&self) -> bool {
        self.running.as_ref().unwrap().ended().is_some()
    }

    /// Waits for writers; a Postgres that ended for want of room is started again, as whoever makes room does.
    async fn go_on_until_done(&mut self, writing: JoinSet<()>) {
        let done = done(writing);
        tokio::pin!(done);
        loop {
            tokio::select! {
                () = &mut done => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            if self.has_ended() {
                self.start().await;
            }
        }
    }

    /// Has the database's own log go to one new file after the other, until there is no room for the next.
    async fn use_up_the_log(&self) {
        let Ok(mut connection) = PgConnection::connect(&self.url()).await else {
            return;
        };
        for _ in 0..24 {
            let next = "select pg_logical_emit_message(true, 'full', 'x'), pg_switch_wal()";
            if sqlx::query(next).execute(&mut connection).await.is_err() {
                return;
            }
        }
    }
}

/// Appends until it was refused, and then the same again until it is taken. Tells of each refusal.
async fn fill(api: Api, stream: String, refusals: mpsc::UnboundedSender<Value>, ledger: Ledger) {
    let mut was_refused = false;
    while !was_refused {
        let ids: Vec<Uuid> = (0..20).map(|_| Ids.event_id()).collect();
        let events: Vec<Value> = ids.iter().map(|id| large(*id)).collect();
        loop {
            let append = api.request("POST", &format!("/api/streams/{stream}/events"));
            match ask(append.json(&events)).await.unwrap() {
                (StatusCode::CREATED | StatusCode::OK, _) => break,
                (StatusCode::SERVICE_UNAVAILABLE, problem) => {
                    was_refused = true;
                    // Nobody listens any more when the test has heard enough.
                    let _: Result<_, _> = refusals.send(problem);
                }
                (status, problem) => panic!("{status}: {problem}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        ledger.note(&ids, Fate::Committed);
    }
}

/// An event that can't be made smaller.
fn large(id: Uuid) -> Value {
    let weight: String = (0..40).map(|_| Ids.random().simple().to_string()).collect();
    json!({"type": "Written", "id": id, "data": {"by": "api", "weight": weight}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_appends_and_when_there_is_room_all_goes_on() {
    let disk = match Disk::new() {
        Ok(disk) => disk,
        Err(why) => return not_possible_here(&why),
    };
    let mut postgres = Postgres {
        running: None,
        disk,
    };
    postgres.start().await;
    let database_url = postgres.url();
    let server = Server::start(&database_url).await;
    define_counts(&server.api).await;
    let servers = [server.api.clone()];
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    let (finished, end) = watch::channel(None);
    let mut reader = JoinSet::new();
    reader.spawn(Reader::new(servers.to_vec(), end).follow());
    let mut told = 0;

    for run in 0..runs_or(4) {
        let mut writing = writers(&servers, run, &ledger);
        let (refusals, mut heard) = mpsc::unbounded_channel();
        postgres.disk.fill(chance.below(256 << 10));
        for number in 0..LARGE {
            writing.spawn(fill(
                server.api.clone(),
                format!("large-{run}-{number}"),
                refusals.clone(),
                ledger.clone(),
            ));
        }
        if run % 2 == 1 {
            postgres.use_up_the_log().await;
        }
        let problem = heard.recv().await.unwrap();
        if is_told_of(&problem) && !postgres.has_ended() {
            told += usize::from(is_read_and_checked(&server.api, &postgres).await);
        }
        chance.pause(500).await;
        postgres.disk.make_room();
        postgres.go_on_until_done(writing).await;
    }
    assert!(told > 0, "it ended each time");

    let log = log::read(&database_url).await;
    ledger.audit(&log);
    finished.send_replace(Some(log.last().unwrap().0));
    assert!(reader.join_next().await.unwrap().unwrap() == log);
    counts_are_right(&server.api, &database_url).await;
    // Connections that ended are met once each.
    let answered = async |path: &str| {
        let answer = until("it is answered", async || found(&server.api, path).await);
        answer.await.to_string()
    };
    let checks = answered("/api/store/checks").await;
    assert!(!checks.contains("took none"), "{checks}");
    let failures = answered("/api/read-models/counts/failures").await;
    assert!(!says_full(&failures), "{failures}");
}

/// Whether a refusal says that the database has no room; otherwise it says that the database does not answer.
fn is_told_of(problem: &Value) -> bool {
    let detail = problem["detail"].as_str().unwrap();
    if problem["type"] == "not_writable" {
        assert!(detail.contains("nothing of this was recorded"), "{problem}");
        return true;
    }
    assert!(detail.contains("try again"), "{problem}");
    false
}

/// Whether Postgres says that there is no room: for none of a page, or for a part of it.
fn says_full(text: &str) -> bool {
    text.contains("No space left") || text.contains("could not extend file")
}

/// Whether the log is read meanwhile, and a check says why nothing is written; unless Postgres has ended after all, or finds no room for the
/// file that it writes for new connections, and gives none.
async fn is_read_and_checked(api: &Api, postgres: &Postgres) -> bool {
    until("it is read, and told of", async || {
        if postgres.has_ended() {
            return Ok(false);
        }
        let read = found(api, "/api/events?limit=5").await;
        let checks = found(api, "/api/store/checks").await;
        let gives_none = |asked: &Result<Value, String>| {
            let why = asked.as_ref().err();
            why.is_some_and(|why| why.contains("could not write init file"))
        };
        if gives_none(&read) || gives_none(&checks) {
            return Ok(false);
        }
        read?;
        let checks = checks?.to_string();
        let is_told = checks.contains("took none") && says_full(&checks);
        is_told.then_some(true).ok_or(checks)
    })
    .await
}
