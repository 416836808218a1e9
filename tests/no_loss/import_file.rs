//! A file of events, and `highwater import` on it.

use std::io::Write;
use std::process::{Output, Stdio};

use highwater_store::Ids;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::program::{self, Process, Server};
use crate::support::api::{Api, ask};

/// A file of events, each with so many bytes of data.
pub(crate) struct Events {
    file: NamedTempFile,
    count: usize,
}

impl Events {
    /// A file whose lines have ids.
    pub(crate) fn new(count: usize, bytes: usize) -> Self {
        Self::with(count, bytes, |_| Some(Ids.event_id()))
    }

    /// A file whose lines have no ids: it can be sent only once.
    pub(crate) fn without_ids(count: usize, bytes: usize) -> Self {
        Self::with(count, bytes, |_| None)
    }

    fn with(count: usize, bytes: usize, id: impl Fn(usize) -> Option<Uuid>) -> Self {
        Self::of((0..count).map(|number| {
            let stream = format!("ticket-{}", number % 11);
            let data = json!({"number": number, "text": "x".repeat(bytes)});
            json!({"stream": stream, "type": "Opened", "id": id(number), "data": data})
        }))
    }

    /// A file of these lines.
    pub(crate) fn of(lines: impl Iterator<Item = Value>) -> Self {
        let (mut text, mut count) = (String::new(), 0);
        for line in lines {
            text.push_str(&(line.to_string() + "\n"));
            count += 1;
        }
        let mut file = tempfile::Builder::new()
            .suffix(".ndjson")
            .tempfile()
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Self { file, count }
    }

    /// How many lines it has.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Starts `highwater import FILE`.
    pub(crate) fn start_import(&self, server: &Server) -> Process {
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
    pub(crate) async fn import(&self, server: &Server) -> Value {
        let output = end(self.start_import(server)).await;
        assert!(output.status.success(), "{}", words(&output));
        summary(&output)
    }

    /// The log is the file.
    pub(crate) async fn are_all_there(&self, server: &Server) {
        let export = server.api.request("GET", "/api/export");
        let text = export.send().await.unwrap().text().await.unwrap();
        let numbers = text.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["data"]["number"].as_u64().unwrap()
        });
        let expected = u64::try_from(self.count).unwrap();
        assert!(numbers.eq(0..expected), "each line once, in order");
        assert_eq!(head(&server.api).await, self.count, "positions are dense");
    }
}

/// Waits until a process has ended.
pub(crate) async fn end(mut process: Process) -> Output {
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

/// What it says to people.
pub(crate) fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last line that the client wrote.
pub(crate) fn summary(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// The newest position.
pub(crate) async fn head(api: &Api) -> usize {
    let (_, page) = ask(api.request("GET", "/api/events?limit=1"))
        .await
        .unwrap();
    page["head"].as_u64().unwrap().try_into().unwrap()
}
