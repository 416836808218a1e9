//! How often one may ask.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use reqwest::{Body, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::program::{Process, Server, command};
use crate::support::api::{Api, ask};
use crate::support::database;
use crate::tls_server::{line, lines};

const PATIENCE: Duration = Duration::from_secs(30);
/// More than a burst, sent faster than a second allows.
const MANY: usize = 60;

/// What became of many requests at once: how many were answered, and the refusals.
async fn send(requests: impl Iterator<Item = RequestBuilder>) -> (usize, Vec<Response>) {
    let answers = join_all(requests.map(RequestBuilder::send)).await;
    let answers: Vec<Response> = answers.into_iter().map(Result::unwrap).collect();
    let all = answers.len();
    let refused: Vec<Response> = answers
        .into_iter()
        .filter(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS)
        .collect();
    (all - refused.len(), refused)
}

fn from(api: &Api, address: &str) -> RequestBuilder {
    api.request("GET", "/api/store")
        .header("x-forwarded-for", address)
}

#[tokio::test]
async fn a_burst_is_refused_with_when_to_come_again_and_then_passes() {
    let database = database::create().await;
    let server = Server::start_with(&[
        "--database-url",
        &database,
        "--rate-limit",
        "1",
        "--rate-burst",
        "10",
        "--trusted-proxies",
        "127.0.0.0/8",
    ])
    .await;
    let many = (0..MANY).map(|_| from(&server.api, "192.0.2.1"));
    let (answered, mut refused) = send(many).await;
    assert!(
        (10..MANY).contains(&answered) && !refused.is_empty(),
        "{answered}"
    );
    let refusal = refused.remove(0);
    let seconds: u64 = refusal.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
    let kind = &refusal.headers()["content-type"];
    assert_eq!(kind, "application/problem+json");
    let problem: Value = serde_json::from_str(&refusal.text().await.unwrap()).unwrap();
    assert_eq!(problem["type"], "too_many_requests");
    // Behind the same proxy somebody else is; and probes are for nobody to use up.
    let other = from(&server.api, "192.0.2.2").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    let probes = (0..MANY).map(|_| {
        let probe = server.api.request("GET", "/healthz");
        probe.header("x-forwarded-for", "192.0.2.1")
    });
    assert_eq!(send(probes).await.0, MANY);
    let passes = async {
        while from(&server.api, "192.0.2.1")
            .send()
            .await
            .unwrap()
            .status()
            != StatusCode::OK
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, passes).await.unwrap();
}

/// A server with a login and a limit, and its admin's cookie.
async fn with_login() -> (Process, Api, String) {
    let database = database::create().await;
    let mut serve = command();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"]);
    serve.args(["--login", "password", "--database-url", &database]);
    serve.args(["--rate-limit", "1", "--rate-burst", "20"]);
    let mut process = Process(serve.stdout(Stdio::piped()).spawn().unwrap());
    let mut said = lines(process.0.stdout.take().unwrap());
    let address = line(&mut said, "Highwater is at").await;
    let address = address.strip_prefix("Highwater is at http://").unwrap();
    let api = Api::at(address.trim_end_matches('/'));
    let link = line(&mut said, "/join?key=").await;
    let (_, key) = link.split_once("/join?key=").unwrap();
    let body = json!({"key": key.trim(), "name": "root", "password": "correct horse battery"});
    let joined = api.request("POST", "/api/join").json(&body).send();
    let joined = joined.await.unwrap();
    assert_eq!(joined.status(), StatusCode::OK);
    let cookie = joined.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    (process, api, cookie)
}

async fn token(api: &Api, cookie: &str, name: &str, right: &str) -> String {
    let request = api
        .request("POST", "/api/tokens")
        .header("cookie", cookie)
        .header("origin", format!("http://{}", api.address))
        .json(&json!({"name": name, "rights": [right], "days": 1}));
    let (status, made) = ask(request).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{made}");
    made["secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_tokens_do_not_share_and_neither_uses_up_their_address() {
    let (_process, api, cookie) = with_login().await;
    let (busy, calm) = (
        token(&api, &cookie, "busy", "read").await,
        token(&api, &cookie, "calm", "read").await,
    );
    let by = |token: &str| api.request("GET", "/api/store").bearer_auth(token);
    // Who they are is asked once, and known for a while.
    for token in [&busy, &calm] {
        assert_eq!(by(token).send().await.unwrap().status(), StatusCode::OK);
    }
    let (answered, refused) = send((0..MANY).map(|_| by(&busy))).await;
    assert!(answered < MANY && !refused.is_empty(), "{answered}");
    assert_eq!(by(&calm).send().await.unwrap().status(), StatusCode::OK);
    let page = api.request("GET", "/api/session").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
}

#[tokio::test]
async fn made_up_tokens_are_counted_by_address() {
    let (_process, api, _) = with_login().await;
    let made_up = (0..MANY).map(|number| {
        let token = format!("hw_{number:064}");
        api.request("GET", "/api/store").bearer_auth(token)
    });
    let (_, refused) = send(made_up).await;
    assert!(!refused.is_empty());
}

#[tokio::test]
async fn who_was_let_in_before_is_not_locked_out_by_a_stranger_at_their_address() {
    let (_process, api, cookie) = with_login().await;
    let known = token(&api, &cookie, "known", "read").await;
    token(&api, &cookie, "spare", "read").await;
    let by_token = || api.request("GET", "/api/store").bearer_auth(&known).send();
    assert_eq!(by_token().await.unwrap().status(), StatusCode::OK);
    let flood = async || {
        let strangers = (0..MANY).map(|_| api.request("GET", "/api/store"));
        assert!(!send(strangers).await.1.is_empty());
    };
    flood().await;
    assert_eq!(by_token().await.unwrap().status(), StatusCode::OK);
    // Rights change, and it is asked anew who everybody is.
    let by_root = |method: &str, path: &str| {
        let request = api.request(method, path).header("cookie", &cookie);
        request.header("origin", format!("http://{}", api.address))
    };
    let (_, tokens) = ask(by_root("GET", "/api/tokens")).await.unwrap();
    let mut tokens = tokens.as_array().unwrap().iter();
    let spare = tokens.find(|token| token["name"] == "spare").unwrap();
    let revoke = by_root("DELETE", &format!("/api/tokens/{}", spare["id"]));
    let revoked = revoke.send().await.unwrap();
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    flood().await;
    assert_eq!(by_token().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn imports_of_one_token_that_pause_leave_room_for_those_of_another() {
    let (_process, api, cookie) = with_login().await;
    let (greedy, other) = (
        token(&api, &cookie, "greedy", "append").await,
        token(&api, &cookie, "other", "append").await,
    );
    let line = "{\"stream\":\"order-1\",\"type\":\"A\",\"data\":1}\n";
    let mut open = Vec::new();
    for _ in 0..5 {
        let body = stream::iter([Ok::<_, std::io::Error>(line)]).chain(stream::pending());
        let import = api.request("POST", "/api/import").bearer_auth(&greedy);
        let answer = import.body(Body::wrap_stream(body)).send().await.unwrap();
        open.push(answer);
    }
    let statuses: Vec<StatusCode> = open.iter().map(Response::status).collect();
    assert_eq!(statuses[..4], [StatusCode::OK; 4]);
    assert_eq!(statuses[4], StatusCode::SERVICE_UNAVAILABLE);
    let import = api.request("POST", "/api/import").bearer_auth(&other);
    let answer = import.body(line).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let said = answer.text().await.unwrap();
    assert!(said.contains("\"imported\":1"), "{said}");
}
