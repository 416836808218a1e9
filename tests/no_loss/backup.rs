//! A backup that is taken while writers append, restored elsewhere; and archives that are no backup.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use uuid::Uuid;

use crate::api_writer::{self, Target};
use crate::ledger::{Fate, Ledger};
use crate::program::{Server, command};
use crate::reader::Reader;
use crate::support::api::{Api, ask};

const COUNTS: &str = "-- highwater: events Written
-- highwater: tables
create table counts (stream text primary key, written bigint not null);
-- highwater: slice
insert into counts select stream, count(*) from events group by 1
on conflict (stream) do update set written = counts.written + excluded.written;
";

/// An empty folder.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn serve(data_dir: &TempDir) -> Server {
    Server::start_with(&["--data-dir", text(data_dir.path())]).await
}

/// Runs a command: what it printed, or why it failed.
async fn run(arguments: &[&str]) -> Result<Value, String> {
    let mut command = command();
    command.args(arguments);
    let output = spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

async fn backup(file: &Path, data_dir: &TempDir) -> Result<Value, String> {
    let data_dir = text(data_dir.path());
    run(&["backup", text(file), "--data-dir", data_dir]).await
}

async fn restore(file: &Path, data_dir: &TempDir) -> Result<Value, String> {
    let data_dir = text(data_dir.path());
    run(&["restore", text(file), "--data-dir", data_dir]).await
}

async fn get(api: &Api, path: &str) -> Value {
    let (status, answer) = ask(api.request("GET", path)).await.unwrap();
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

async fn head(api: &Api) -> i64 {
    get(api, "/api/events?limit=1").await["head"]
        .as_i64()
        .unwrap()
}

/// The log up to a position, event by event, each one behind the one before.
async fn log(api: &Api, to: i64) -> Vec<(i64, Uuid)> {
    let (_said, end) = watch::channel(Some(to));
    let mut log = Reader::new(vec![api.clone()], end).poll().await;
    log.truncate(usize::try_from(to).unwrap());
    log
}

/// How often each stream was written to, as the log says.
async fn fold(api: &Api) -> BTreeMap<String, i64> {
    let log = api.request("GET", "/api/export").send().await.unwrap();
    let mut counts = BTreeMap::new();
    for line in log.text().await.unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let stream = event["stream"].as_str().unwrap().to_owned();
        *counts.entry(stream).or_default() += 1;
    }
    counts
}

/// The same as the read model says, once it has handled everything.
async fn rows(api: &Api, head: i64) -> BTreeMap<String, i64> {
    let waited = format!("/api/read-models/counts?wait={head}&timeout=25");
    let waited = get(api, &waited).await;
    assert_eq!(waited["handled"], true, "{waited}");
    let page = get(api, "/api/read-models/counts/rows?limit=1000").await;
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let stream = row["stream"].as_str().unwrap().to_owned();
        (stream, row["written"].as_i64().unwrap())
    })
    .collect()
}

#[tokio::test]
async fn backup_of_a_busy_server_has_all_that_was_answered_before_it_began() {
    let (data, files, new) = (folder(), folder(), folder());
    let server = serve(&data).await;
    let request = server.api.request("PUT", "/api/read-models/counts");
    let (status, defined) = ask(request.body(COUNTS)).await.unwrap();
    assert_eq!(status, 201, "{defined}");
    let ledger = Ledger::default();
    let mut writers = JoinSet::new();
    for number in 0..8 {
        let target = if number % 2 == 0 {
            Target::Own(format!("own-{number}"))
        } else {
            Target::Shared(format!("shared-{}", number % 4))
        };
        let servers = vec![server.api.clone()];
        writers.spawn(api_writer::write(
            servers,
            target,
            usize::MAX,
            ledger.clone(),
        ));
    }
    while ledger.count(Fate::Committed) < 500 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    let before = ledger.committed();
    let file = files.path().join("backup.tar");
    let told = backup(&file, &data).await.unwrap();
    assert!(
        ledger.count(Fate::Committed) > before.len(),
        "they wrote meanwhile"
    );
    writers.shutdown().await;
    let taken_at = told["manifest"]["position"].as_i64().unwrap();
    let restored = restore(&file, &new).await.unwrap();
    let restored = restored["position"].as_i64().unwrap();
    assert!(restored >= taken_at, "{restored} {taken_at}");

    let other = serve(&new).await;
    assert_eq!(head(&other.api).await, restored);
    let log_there = log(&other.api, restored).await;
    assert!(
        log_there == log(&server.api, restored).await,
        "it is the beginning of the same log"
    );
    let there: HashSet<Uuid> = log_there.iter().map(|(_, id)| *id).collect();
    assert_eq!(there.len(), log_there.len(), "each one once");
    let lost = before.iter().filter(|id| !there.contains(*id)).count();
    assert_eq!(lost, 0, "answered before it began, and not there");
    assert_eq!(rows(&other.api, restored).await, fold(&other.api).await);

    // It goes on from there.
    let more = json!([{"type": "Written", "data": {}}]);
    let request = other.api.request("POST", "/api/streams/later-1/events");
    let (status, appended) = ask(request.json(&more)).await.unwrap();
    assert_eq!(
        (status.as_u16(), &appended["last_position"]),
        (201, &json!(restored + 1))
    );
    let counts = rows(&other.api, restored + 1).await;
    assert_eq!(counts, fold(&other.api).await);
    assert_eq!(counts["later-1"], 1);
}

/// A backup of a few events, taken while no server runs; with its data folder.
async fn of_a_few_events(files: &TempDir) -> (PathBuf, TempDir) {
    let data = folder();
    let mut server = serve(&data).await;
    let few = json!([{"type": "Written", "data": {"by": "hand"}}, {"type": "Written", "data": 2}]);
    let request = server.api.request("POST", "/api/streams/few-1/events");
    let (status, appended) = ask(request.json(&few)).await.unwrap();
    assert_eq!(status, 201, "{appended}");
    server.kill();
    let file = files.path().join("backup.tar");
    let told = backup(&file, &data).await.unwrap();
    assert_eq!(told["manifest"]["position"], 2);
    assert_eq!(told["bytes"], fs::metadata(&file).unwrap().len());
    (file, data)
}

#[tokio::test]
async fn backup_is_taken_without_a_server_and_restored_to_an_empty_folder_only() {
    let files = folder();
    let (file, data) = of_a_few_events(&files).await;
    let refused = backup(&file, &data).await.unwrap_err();
    assert!(refused.contains("--force"), "{refused}");
    let refused = restore(&file, &data).await.unwrap_err();
    assert!(refused.contains("is not empty"), "{refused}");

    let full = folder();
    fs::write(full.path().join("mine"), "all of it").unwrap();
    let refused = restore(&file, &full).await.unwrap_err();
    assert!(refused.contains("is not empty"), "{refused}");
    assert_eq!(names(full.path()), ["mine"]);

    let nothing = files.path().join("nothing.tar");
    let refused = backup(&nothing, &full).await.unwrap_err();
    assert!(refused.contains("there is no database"), "{refused}");
    assert_eq!(names(files.path()), ["backup.tar"]);

    let new = folder();
    restore(&file, &new).await.unwrap();
    assert_eq!(head(&serve(&new).await.api).await, 2);
    // The one it was taken of is as it was.
    assert_eq!(head(&serve(&data).await.api).await, 2);
}

#[tokio::test]
async fn an_archive_that_is_cut_damaged_or_of_another_postgres_leaves_nothing_behind() {
    let files = folder();
    let (file, _data) = of_a_few_events(&files).await;
    let whole = fs::read(&file).unwrap();
    let new = folder();
    let refused = async |bytes: &[u8], words: &str| {
        fs::write(&file, bytes).unwrap();
        let said = restore(&file, &new).await.unwrap_err();
        assert!(said.contains(words), "{said}");
        assert!(names(new.path()).is_empty(), "{:?}", names(new.path()));
    };
    refused(&whole[..whole.len() / 2], "no whole backup").await;
    // Between two of its files.
    let end = find(&whole, b"SHA256SUMS");
    refused(&whole[..end], "its end is missing").await;
    refused(&[], "no whole backup").await;
    refused(b"no archive at all", "no whole backup").await;

    let mut damaged = whole.clone();
    damaged[find(&whole, b"START WAL LOCATION")] ^= 1;
    refused(&damaged, "data/backup_label is not as it was written").await;
    // The first file of an archive is the version of Postgres.
    let mut other = whole.clone();
    other[512..514].copy_from_slice(b"99");
    refused(&other, "PostgreSQL 99").await;

    fs::write(&file, &whole).unwrap();
    restore(&file, &new).await.unwrap();
}

/// Where this stands.
fn find(bytes: &[u8], part: &[u8]) -> usize {
    let found = bytes.windows(part.len()).position(|found| found == part);
    found.unwrap()
}

/// What is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
