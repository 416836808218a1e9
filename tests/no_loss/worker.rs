//! A worker process that appends through SQL until it is killed. It is this test program itself, asked for one ignored test.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use highwater_store::Ids;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::ledger::{Fate, Ledger};
use crate::program::Process;

/// Names the worker's database; without it the worker has nothing to do.
const DATABASE: &str = "NO_LOSS_WORKER_DATABASE";

/// Starts a worker and kills it after so many commits, which most likely is in the middle of the next transaction.
pub(crate) fn run_and_kill(database_url: &str, commits: usize, ledger: &Ledger) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["worker::appends_until_it_is_killed", "--exact", "--ignored"])
        .args(["--nocapture", "--test-threads=1"])
        .env(DATABASE, database_url)
        .stdout(Stdio::piped());
    let mut process = Process(command.spawn().unwrap());
    let output = BufReader::new(process.0.stdout.take().unwrap());
    let mut committed = 0;
    for line in output.lines() {
        let line = line.unwrap();
        // The test harness writes on the same lines.
        if let Some((_, id)) = line.split_once("asks ") {
            ledger.note(&[id.parse().unwrap()], Fate::Unknown);
        } else if let Some((_, id)) = line.split_once("committed ") {
            ledger.note(&[id.parse().unwrap()], Fate::Committed);
            committed += 1;
            if committed == commits {
                process.kill();
            }
        }
    }
    assert!(committed >= commits, "the worker ended by itself");
}

#[tokio::test]
#[ignore = "not a test: the worker process that other tests start"]
#[expect(clippy::print_stdout, reason = "this is how it tells what it did")]
async fn appends_until_it_is_killed() {
    let Ok(url) = std::env::var(DATABASE) else {
        return;
    };
    let mut connection = PgConnection::connect(&url).await.unwrap();
    loop {
        let id: Uuid = Ids.event_id();
        let mut transaction = connection.begin().await.unwrap();
        sqlx::query("select highwater.append('worker-1', -2, $1)")
            .bind(json!([{"type": "Written", "id": id, "data": {"by": "worker"}}]))
            .execute(&mut *transaction)
            .await
            .unwrap();
        println!("\nasks {id}");
        transaction.commit().await.unwrap();
        println!("\ncommitted {id}");
    }
}
