//! An import that is cut off: the server killed, its client killed, its client stopped. Run again, it ends with the file in the
//! log once, in order.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use highwater_store::Ids;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::program::{self, Process, Server};
use crate::support::api::{Api, ask};
use crate::support::database;

/// A file of events, each with so many bytes of data.
struct Events {
    file: NamedTempFile,
    ids: Vec<String>,
}

impl Events {
    fn new(count: usize, bytes: usize) -> Self {
        let ids: Vec<String> = (0..count).map(|_| Ids.event_id().to_string()).collect();
        let mut text = String::new();
        for (number, id) in ids.iter().enumerate() {
            let stream = format!("ticket-{}", number % 11);
            let line =
                json!({"stream": stream, "type": "Opened", "id": id, "data": "x".repeat(bytes)});
            text.push_str(&(line.to_string() + "\n"));
        }
        let mut file = tempfile::Builder::new()
            .suffix(".ndjson")
            .tempfile()
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Self { file, ids }
    }

    /// Starts `highwater import FILE`.
    fn start_import(&self, server: &Server) -> Process {
        let mut import = program::command();
        import
            .arg("import")
            .arg(self.file.path())
            .args(["--url", &format!("http://{}", server.api.address)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Process(import.spawn().unwrap())
    }

    /// Runs `highwater import FILE` to its end: its summary.
    async fn import(&self, server: &Server) -> Value {
        let output = end(self.start_import(server)).await;
        assert!(output.status.success(), "{}", words(&output));
        summary(&output)
    }

    /// The log is the file.
    async fn are_all_there(&self, server: &Server) {
        let export = server.api.request("GET", "/api/export");
        let text = export.send().await.unwrap().text().await.unwrap();
        let ids: Vec<String> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(ids.len(), self.ids.len());
        assert!(ids == self.ids, "each line once, in order");
        assert_eq!(head(&server.api).await, ids.len(), "positions are dense");
    }
}

/// Waits until a process has ended.
async fn end(mut process: Process) -> Output {
    tokio::task::spawn_blocking(move || {
        let mut output = Output {
            status: process.0.wait().unwrap(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        // Both fit into a pipe's buffer.
        std::io::Read::read_to_end(&mut process.0.stdout.take().unwrap(), &mut output.stdout)
            .unwrap();
        std::io::Read::read_to_end(&mut process.0.stderr.take().unwrap(), &mut output.stderr)
            .unwrap();
        output
    })
    .await
    .unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last line that the client wrote.
fn summary(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

async fn head(api: &Api) -> usize {
    let (_, page) = ask(api.request("GET", "/api/events?limit=1"))
        .await
        .unwrap();
    page["head"].as_u64().unwrap().try_into().unwrap()
}

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
    assert!(kept < events.ids.len(), "it was killed in the middle");
    let summary = events.import(&server).await;
    assert_eq!(summary["skipped"], kept);
    assert_eq!(summary["imported"], events.ids.len() - kept);
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
        head(&server.api).await < events.ids.len(),
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
    assert!(kept < events.ids.len(), "it was stopped in the middle");
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
