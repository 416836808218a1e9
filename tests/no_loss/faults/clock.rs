//! Clocks that jump: of the server, of its Postgres, forwards and back. Only what the wall says jumps; how time passes does not.
//!
//! It takes libfaketime, which a library of the system is (Debian: `libfaketime`), or which `HIGHWATER_TEST_FAKETIME` names.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use highwater_postgres::{Binaries, Embedded, Options};
use highwater_store::Clock;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

use super::{
    Chance, counts_are_right, define_counts, done, found, not_possible_here, runs_or, until,
    writers,
};
use crate::api_writer::{self, Target};
use crate::ledger::Ledger;
use crate::log;
use crate::program::{Server, command};
use crate::reader::Reader;
use crate::support::api::{Api, ask};

/// Where systems keep the library.
const FOLDERS: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib/faketime",
    "/usr/lib64/faketime",
    "/usr/local/lib/faketime",
];
/// How far a clock is off, in seconds: a jump between the outer two is one of five hours.
const OFF: [i64; 4] = [7_200, -10_800, 0, -40];
/// What handles nothing, and passes all: it moves by the clock.
const NEVER: &str = "-- highwater: events Never
-- highwater: tables
create table never (events bigint);
-- highwater: slice
insert into never select count(*) from events;
";

fn library() -> Option<PathBuf> {
    let named = std::env::var_os("HIGHWATER_TEST_FAKETIME").map(PathBuf::from);
    let known = FOLDERS.map(|folder| Path::new(folder).join("libfaketimeMT.so.1"));
    named.into_iter().chain(known).find(|path| path.is_file())
}

/// What programs that are given it take for the time.
struct Wall {
    library: PathBuf,
    folder: TempDir,
}

impl Wall {
    fn new(library: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Postgres is not root, and reads it as well.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let new = Self {
            library: library.to_owned(),
            folder,
        };
        new.is_off_by(0);
        new
    }

    /// From now on; a program looks once a second.
    fn is_off_by(&self, seconds: i64) {
        let beside = self.folder.path().join("next");
        fs::write(&beside, format!("{seconds:+}\n")).unwrap();
        fs::set_permissions(&beside, Permissions::from_mode(0o644)).unwrap();
        fs::rename(beside, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("now")
    }

    fn environment(&self) -> Vec<(String, OsString)> {
        let settings: [(&str, OsString); 5] = [
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().into()),
            ("FAKETIME_CACHE_DURATION", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ];
        let settings = settings.into_iter();
        settings
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

async fn postgres(folder: &TempDir, wall: &Wall) -> Embedded {
    let options = Options {
        throwaway: true,
        environment: wall.environment(),
        ..Options::new(folder.path())
    };
    let started = spawn_blocking(move || {
        let binaries = Binaries::find_or_fetch(&mut |_| {}).unwrap();
        Embedded::start(&binaries, &options, &mut |_| {}).unwrap()
    });
    started.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_lose_nothing_and_nobody_waits_for_them() {
    let Some(library) = library() else {
        return not_possible_here("there is no libfaketimeMT.so.1 (Debian: libfaketime)");
    };
    let (of_database, of_server) = (Wall::new(&library), Wall::new(&library));
    let data = tempfile::tempdir().unwrap();
    let postgres = postgres(&data, &of_database).await;
    let database_url = postgres.url();
    let mut serve = command();
    serve.envs(of_server.environment());
    let server = Server::start_by(serve, &["--database-url", &database_url]).await;
    let servers = [server.api.clone()];
    define_counts(&server.api).await;
    put(&server.api, "/api/read-models/never", NEVER.to_owned()).await;
    let held = json!({"filter": "stream:held-*", "acknowledge_within_s": 2}).to_string();
    put(&server.api, "/api/subscriptions/held", held).await;
    let (ledger, mut chance) = (Ledger::default(), Chance::new());
    let (finished, end) = watch::channel(None);
    let mut reader = JoinSet::new();
    reader.spawn(Reader::new(servers.to_vec(), end).follow());

    for run in 0..runs_or(3) {
        // Somebody has an event, and does not come back.
        let stream = Target::Own(format!("held-{run}"));
        api_writer::write(servers.to_vec(), stream, 1, ledger.clone()).await;
        let given = fetch(&server.api, "gone").await;
        let writing = writers(&servers, 2 * run, &ledger);
        let mut any = || OFF[usize::try_from(chance.below(4)).unwrap()];
        let (database, program) = match run {
            0 => (OFF[0], OFF[1]),
            1 => (OFF[1], OFF[0]),
            _ => (any(), any()),
        };
        of_database.is_off_by(database);
        of_server.is_off_by(program);
        is_off_by(&database_url, database).await;
        done(writing).await;
        done(writers(&servers, 2 * run + 1, &ledger)).await;
        counts_are_right(&server.api, &database_url).await;
        passes_all(&server.api).await;
        assert_eq!(fetch(&server.api, "other").await, given, "to another one");
        acknowledge(&server.api, given).await;
        is_read_as_ever(&server.api).await;
    }

    let log = log::read(&database_url).await;
    ledger.audit(&log);
    finished.send_replace(Some(log.last().unwrap().0));
    assert!(reader.join_next().await.unwrap().unwrap() == log);
    // Whoever asks for a time asks for positions.
    let mut connection = PgConnection::connect(&database_url).await.unwrap();
    let back: i64 = sqlx::query_scalar(
        "select count(*) from (select recorded_at < lag(recorded_at) over (order by position) as is_back from highwater.events) e where is_back",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(back, 0, "times of recording go with positions");
}

async fn put(api: &Api, path: &str, body: String) {
    let (status, said) = ask(api.request("PUT", path).body(body)).await.unwrap();
    assert!(status.is_success(), "{said}");
}

/// Positions that the member gets, as soon as there are some.
async fn fetch(api: &Api, member: &str) -> Value {
    let body = json!({"member": member, "wait_s": 1});
    until("it is given an event", async || {
        let fetch = api.request("POST", "/api/subscriptions/held/fetch");
        let (status, fetched) = ask(fetch.json(&body)).await.unwrap();
        let position = fetched["deliveries"][0]["event"]["position"].clone();
        let is_given = status.is_success() && !position.is_null();
        is_given.then_some(position).ok_or(fetched.to_string())
    })
    .await
}

async fn acknowledge(api: &Api, position: Value) {
    let body = json!({"member": "other", "acknowledge": [position]});
    let acknowledge = api.request("POST", "/api/subscriptions/held/acknowledge");
    let (status, said) = ask(acknowledge.json(&body)).await.unwrap();
    assert_eq!((status.as_u16(), &said["acknowledged"]), (200, &json!(1)));
}

/// The jump has arrived.
async fn is_off_by(database_url: &str, seconds: i64) {
    until("the clock has jumped", async || {
        let mut connection = PgConnection::connect(database_url).await.unwrap();
        let now = "select extract(epoch from clock_timestamp())::bigint";
        let now: i64 = sqlx::query_scalar(now)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let off = now - Clock.now().as_second();
        let is_so = (off - seconds).abs() < 20;
        is_so.then_some(()).ok_or(format!("{off}"))
    })
    .await;
}

/// A read model whose events never come has seen the end of the log.
async fn passes_all(api: &Api) {
    let head = found(api, "/api/events?limit=1").await.unwrap();
    let wait = format!("/api/read-models/never?wait={}&timeout=25", head["head"]);
    let waited = found(api, &wait).await.unwrap();
    assert_eq!(waited["handled"], true, "{waited}");
}

/// No lag is negative, and a filter by time is answered.
async fn is_read_as_ever(api: &Api) {
    let listed = found(api, "/api/read-models").await.unwrap();
    for one in listed.as_array().unwrap() {
        assert!(one["lag"]["seconds"].as_f64().unwrap() >= 0.0, "{one}");
    }
    found(api, "/api/events?filter=since:1h").await.unwrap();
    found(api, "/readyz").await.unwrap();
}
