//! The members of a subscription that the README shows, as they are printed there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::running::Running;

/// The text of the README that begins with this line, up to the end of its block.
fn printed(first_line: &str) -> String {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let start = readme.find(&format!("\n{first_line}\n")).unwrap() + 1;
    let end = readme[start..].find("\n```").unwrap();
    readme[start..start + end].to_owned()
}

async fn order(server: &Running, stream: &str, data: Value) {
    let event = json!([{"type": "OrderPlaced", "data": data}]);
    let path = format!("/api/streams/{stream}/events");
    let (status, body) = server.post(&path, event.to_string()).await;
    assert_eq!(status, 201, "{body}");
}

/// A client that runs; it ends with this.
struct Client {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Client {
    fn start(server: &Running, program: &[&str], file: &Path) -> Self {
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .arg(file)
            .arg(format!("http://{}", server.address))
            .arg("mailer")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        Self { child, lines }
    }

    async fn says(&mut self) -> String {
        let line = tokio::time::timeout(Duration::from_secs(30), self.lines.recv());
        line.await
            .expect("the client is silent")
            .expect("the client ended")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs one of them: it handles what it can, fails at what it can't, and another one goes on where it was.
async fn works(program: &[&str], file: &str, first_line: &str) {
    let text = printed(first_line);
    let lines = text.lines().count();
    assert!(lines <= 45, "{file} has {lines} lines");
    let server = Running::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(file);
    std::fs::write(&file, &text).unwrap();
    // What the one that is killed had goes to the other soon; the client changes nothing but the filter.
    let (status, made) = server
        .put(
            "/api/subscriptions/mailer",
            r#"{"acknowledge_within_s": 1}"#,
        )
        .await;
    assert_eq!(status, 201, "{made}");
    order(&server, "order-1", json!({"customer": "ada"})).await;
    order(&server, "order-2", json!({})).await;
    order(&server, "order-1", json!({"customer": "bela"})).await;
    let mut client = Client::start(&server, program, &file);
    assert_eq!(client.says().await, "1 order-1 ada");
    assert_eq!(client.says().await, "3 order-1 bela");
    drop(client);
    order(&server, "order-3", json!({"customer": "chen"})).await;
    let mut another = Client::start(&server, program, &file);
    // The one before may have been killed before it could say that it has handled the third.
    while another.says().await != "4 order-3 chen" {}
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, now) = server.get("/api/subscriptions/mailer").await;
        if now["acknowledged"] == 3 && now["lag"]["matching"].as_i64() <= Some(1) {
            break;
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_member_in_python_works_as_printed() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("not tried: there is no python3 here");
        return;
    }
    works(&["python3"], "reader.py", "# reader.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_member_in_javascript_works_as_printed() {
    works(
        &["node", "--experimental-websocket"],
        "reader.mjs",
        "// reader.mjs",
    )
    .await;
}
