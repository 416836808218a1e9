//! A server whose Postgres goes away and comes back.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api_writer::{self, Target};
use crate::ledger::{Fate, Ledger};
use crate::log;
use crate::postgres::Postgres;
use crate::program::Server;
use crate::reader::Reader;
use crate::support::api::Api;
use crate::support::socket;

/// Status, `Retry-After` and body.
async fn answer(request: reqwest::RequestBuilder) -> (u16, Option<String>, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    (
        status,
        retry_after,
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

#[tokio::test]
async fn server_without_its_database_says_so_and_recovers_without_skipping_an_event() {
    let mut postgres = Postgres::new().await;
    let url = postgres.url();
    let server = Server::start(&url).await;
    let ledger = Ledger::default();
    let own = |name: &str| Target::Own(name.to_owned());
    api_writer::write(
        vec![server.api.clone()],
        own("before-1"),
        20,
        ledger.clone(),
    )
    .await;

    let (done, end) = watch::channel(None);
    let mut readers = JoinSet::new();
    readers.spawn(Reader::new(vec![server.api.clone()], end.clone()).follow());
    readers.spawn(Reader::new(vec![server.api.clone()], end.clone()).poll());
    let mut kept_open = socket::open(&server.api.address).await.unwrap();
    let head = socket::subscribe_at_head(&mut kept_open).await.unwrap();

    postgres.stop().await;
    for path in [
        "/api/events",
        "/api/streams",
        "/api/streams/before-1/events",
        "/api/types",
        "/api/store",
        "/readyz",
    ] {
        // More often than the server has connections that it believes are open.
        for _ in 0..12 {
            is_unavailable(path, answer(server.api.request("GET", path)).await);
        }
    }
    assert_eq!(answer(server.api.request("GET", "/healthz")).await.0, 200);
    let append = server.api.request("POST", "/api/streams/during-1/events");
    let append = append.body(r#"[{"type":"Written","data":1}]"#);
    is_unavailable("append", answer(append).await);
    let mut writers = JoinSet::new();
    for name in ["across-1", "across-2"] {
        writers.spawn(api_writer::write(
            vec![server.api.clone()],
            own(name),
            10,
            ledger.clone(),
        ));
    }

    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        ledger.count(Fate::Committed),
        39,
        "nothing is answered as recorded meanwhile"
    );
    postgres.start().await;
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    is_ready_again(&server.api).await;

    let log = log::read(&url).await;
    ledger.audit(&log);
    let last = log.last().unwrap().0;
    done.send_replace(Some(last));
    while let Some(seen) = readers.join_next().await {
        assert!(seen.unwrap() == log, "a reader saw something else");
    }
    // The same connection as before, without a word about what happened in between.
    let mut next = head + 1;
    while next <= last {
        let message = socket::hear(&mut kept_open).await.unwrap().unwrap();
        assert!(
            message.get("error").is_none() && message.get("gap").is_none(),
            "{message}"
        );
        for event in message["events"].as_array().into_iter().flatten() {
            assert_eq!(event["position"], next);
            next += 1;
        }
    }
}

fn is_unavailable(what: &str, (status, retry_after, problem): (u16, Option<String>, Value)) {
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("database_unavailable")),
        "{what}: {problem}"
    );
    assert_eq!(retry_after.as_deref(), Some("1"), "{what}: {problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("try again shortly"), "{what}: {detail}");
}

/// `/readyz` says so by itself after a moment, and the calls work again.
async fn is_ready_again(api: &Api) {
    while answer(api.request("GET", "/readyz")).await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut refused = 0;
    while answer(api.request("GET", "/api/events")).await.0 != 200 {
        refused += 1;
        assert!(
            refused < 20,
            "it has no connection that it does not know is broken"
        );
    }
}

/// The secret of a program that may read the metrics, and nothing else.
const WATCHER: &str = "hw_watcher";

#[tokio::test]
async fn metrics_are_answered_without_the_database_to_who_may_watch() {
    let mut postgres = Postgres::new().await;
    let url = postgres.url();
    let open = Server::start(&url).await;
    let own = Target::Own("before-1".to_owned());
    api_writer::write(vec![open.api.clone()], own, 20, Ledger::default()).await;
    let mut sql = PgConnection::connect(&url).await.unwrap();
    for statement in [
        "insert into highwater.users (name, role, password) values ('root', 'admin', 'none')",
        "insert into highwater.api_tokens (name, secret_hash, rights, created_by, expires_at)
         values ('prometheus', sha256('hw_watcher'), '{watch}', 'root', clock_timestamp() + interval '1 day')",
    ] {
        sqlx::query(statement).execute(&mut sql).await.unwrap();
    }
    sql.close().await.unwrap();
    let guarded = Server::start_with(&["--database-url", &url, "--login=password"]).await;
    let watched = [(&open.api, None), (&guarded.api, Some(WATCHER))];
    for (api, secret) in watched {
        is_up_again(api, secret).await;
    }

    postgres.stop().await;
    for (api, secret) in watched {
        knows_that_it_is_away(api, secret).await;
    }
    // Refused for want of a right while it is remembered whose the token is, and then because that can't be asked.
    let events = || guarded.api.request("GET", "/api/events");
    let mut refused = answer(events().bearer_auth(WATCHER)).await;
    while refused.0 == 403 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        refused = answer(events().bearer_auth(WATCHER)).await;
    }
    is_unavailable("/api/events", refused);
    knows_that_it_is_away(&guarded.api, Some(WATCHER)).await;
    assert_eq!(scrape(&guarded.api, None).await.0, 401);
    assert_eq!(scrape(&guarded.api, Some("hw_another")).await.0, 503);

    postgres.start().await;
    for (api, secret) in watched {
        is_up_again(api, secret).await;
    }
}

/// `GET /metrics`, within less time than Prometheus waits.
async fn scrape(api: &Api, secret: Option<&str>) -> (u16, String) {
    let request = api.request("GET", "/metrics");
    let request = match secret {
        Some(secret) => request.bearer_auth(secret),
        None => request,
    };
    let request = request.timeout(Duration::from_secs(8));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// What the server itself knows is told, what only the database knows is not.
async fn knows_that_it_is_away(api: &Api, secret: Option<&str>) {
    let (status, metrics) = scrape(api, secret).await;
    assert_eq!(status, 200, "{metrics}");
    let has = |start: &str| metrics.lines().any(|line| line.starts_with(start));
    for line in [
        "highwater_database_up 0",
        "highwater_head_position 39",
        "highwater_mark_age_seconds ",
        "highwater_pool_connections_max{pool=\"read\"} ",
    ] {
        assert!(has(line), "{line} is missing in {metrics}");
    }
    assert!(!has("highwater_jobs{"), "{metrics}");
}

async fn is_up_again(api: &Api, secret: Option<&str>) {
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let (status, metrics) = scrape(api, secret).await;
        let has = |line: &str| metrics.lines().any(|found| found == line);
        if has("highwater_database_up 1") && has("highwater_head_position 39") {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{status}: {metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
