//! A server that answers by https itself: the program, with certificates that are made here.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program::{Process, command};
use crate::tls_server::{Files, NAME, PATIENCE, Server, line, lines, pair, serve, trusting};

async fn run(mut command: Command) -> Output {
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap()
}

/// A command that asks this server, trusting this certificate.
fn asking(server: &Server, arguments: &[&str], certificate: Option<&Path>) -> Command {
    let mut asking = command();
    asking.args(arguments).args(["--url", &server.url()]);
    if let Some(file) = certificate {
        asking.arg("--ca-file").arg(file);
    }
    asking
}

#[tokio::test]
async fn browsers_keep_to_https_and_to_this_host() {
    let (files, certificate) = Files::new();
    let mut server = Server::start(&files, &["--login=password"]).await;
    let link = line(&mut server.said, "/join?key=").await;
    let (_, key) = link.split_once("/join?key=").unwrap();
    let address: SocketAddr = server.address.parse().unwrap();
    let client = trusting(&certificate)
        .resolve(NAME, address)
        .build()
        .unwrap();
    let origin = format!("https://{NAME}:{}", address.port());

    let answer = client.get(format!("{origin}/healthz")).send();
    let answer = answer.await.unwrap();
    assert_eq!(
        answer.headers()["strict-transport-security"],
        "max-age=31536000"
    );
    // Every server of this machine's own loopback would have to keep what one of them says.
    let answer = client.get(server.url() + "/healthz").send().await.unwrap();
    assert!(!answer.headers().contains_key("strict-transport-security"));

    let join = async |from: &str| {
        let body = json!({"key": key, "name": "root", "password": "correct horse battery"});
        let request = client.post(format!("{origin}/api/join")).json(&body);
        request.header("origin", from).send().await.unwrap()
    };
    let plain = origin.replace("https", "http");
    assert_eq!(join(&plain).await.status(), 403, "a page in plain text");
    let joined = join(&origin).await;
    assert_eq!(joined.status(), 200);
    let cookie = joined.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-highwater="), "{cookie}");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let events = client.get(format!("{origin}/api/events"));
    let events = events.header("cookie", session).send().await.unwrap();
    assert_eq!(events.status(), 200);
}

#[tokio::test]
async fn a_login_needs_no_proxy_where_the_server_has_a_certificate() {
    let (files, _) = Files::new();
    let server = Server::at("0.0.0.0:0", &files, &["--login=password"]).await;
    assert!(server.address.starts_with("0.0.0.0:"));
}

#[tokio::test]
async fn commands_and_the_live_feed_trust_a_certificate_of_ones_own() {
    let (files, _) = Files::new();
    let server = Server::start(&files, &[]).await;
    let file = files.certificate();
    let append = ["append", "order-1", "OrderPlaced", r#"{"total":120}"#];
    let output = run(asking(&server, &append, None)).await;
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && words.contains("--ca-file"),
        "{words}"
    );
    let output = run(asking(&server, &append, Some(&file))).await;
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words}");

    let mut tail = asking(&server, &["tail", "--after", "0"], Some(&file));
    let mut tail = Process(tail.stdout(Stdio::piped()).spawn().unwrap());
    let mut heard = lines(tail.0.stdout.take().unwrap());
    let event = line(&mut heard, "OrderPlaced").await;
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(event["position"], 1);
    let append = ["append", "order-2", "OrderCancelled", "{}"];
    let output = run(asking(&server, &append, Some(&file))).await;
    assert!(output.status.success());
    line(&mut heard, "OrderCancelled").await;
}

#[tokio::test]
async fn the_demos_services_get_in_beside_the_certificate() {
    let (files, certificate) = Files::new();
    let server = Server::start(&files, &["--demo=20", "--demo-speed", "20"]).await;
    let client = trusting(&certificate).build().unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = server.get(&client, "/api/events?limit=1&filter=type:Order*");
        if !page.await["events"].as_array().unwrap().is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "nobody orders");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn many_who_say_nothing_keep_nobody_out() {
    let (files, certificate) = Files::new();
    let server = Server::start(&files, &[]).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(&server.address).await.unwrap());
    }
    // Sooner than the first of them have had their time.
    let client = trusting(&certificate).timeout(Duration::from_secs(8));
    let client = client.build().unwrap();
    let url = server.url() + "/healthz";
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    // So many are not waited for at once, so the first is given up.
    let mut heard = [0; 16];
    let ended = timeout(PATIENCE, silent[0].read(&mut heard)).await;
    let ended = ended.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn a_request_in_plain_text_is_told_so() {
    let (files, certificate) = Files::new();
    let server = Server::start(&files, &[]).await;
    let client = trusting(&certificate).build().unwrap();
    let url = format!("http://{}/api/events", server.address);
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(problem["type"], "https_only");
    assert!(problem["detail"].as_str().unwrap().contains("https://"));
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let (files, first) = Files::new();
    let mut server = Server::start(&files, &[]).await;
    assert!(server.shows(&first).await);
    let second = files.renew();
    server.hang_up();
    line(&mut server.log, "the certificate was read again").await;
    assert!(server.shows(&second).await && !server.shows(&first).await);

    // Half of a pair, as while it is being renewed; then nothing that makes sense.
    let (other, _) = pair();
    for broken in [other.as_str(), "-----BEGIN CERTIFICATE-----\nno\n"] {
        fs::write(files.certificate(), broken).unwrap();
        server.hang_up();
        line(&mut server.log, "the certificate from before stays in use").await;
        assert!(server.shows(&second).await);
    }
    let third = files.renew();
    server.hang_up();
    line(&mut server.log, "the certificate was read again").await;
    assert!(server.shows(&third).await);
}

#[tokio::test]
async fn files_that_are_no_pair_are_refused_at_the_start() {
    let refused = async |serve: Command, words: &str| {
        let output = run(serve).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(words), "{said}");
    };
    let (files, _) = Files::new();
    let mut half = command();
    half.arg("serve").arg("--tls-cert").arg(files.certificate());
    refused(half, "--tls-key").await;
    let mut half = command();
    half.arg("serve").arg("--tls-key").arg(files.key());
    refused(half, "--tls-cert").await;

    let (_, key) = pair();
    fs::write(files.key(), key).unwrap();
    refused(serve(&files), "is not the one of the certificate").await;
    fs::write(files.key(), "").unwrap();
    refused(serve(&files), "can't read the key").await;
    fs::write(files.certificate(), "").unwrap();
    refused(serve(&files), "there is no certificate in").await;
    fs::remove_file(files.certificate()).unwrap();
    refused(serve(&files), "can't read the certificate").await;
}
