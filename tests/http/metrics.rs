//! `GET /metrics`: what it says is what is so, each line is of the format, and the dashboard asks for nothing that is not there.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::exposition::{Exposition, is_name};
use crate::identity::{token, with_admin};
use crate::rebuild::{rebuild, wrong};
use crate::running::{Running, answer};
use crate::support::socket;
use crate::totals::{TOTALS, append, handled, order, placed, put, some_orders, until};

/// How often it is asked again for something that takes a moment.
const PAUSE: Duration = Duration::from_millis(50);

async fn scrape(server: &Running) -> Exposition {
    let response = server.request("GET", "/metrics").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    Exposition::read(&response.text().await.unwrap())
}

/// Asks until it says so.
async fn scrape_until(server: &Running, says: impl Fn(&Exposition) -> bool) -> Exposition {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let scraped = scrape(server).await;
        if says(&scraped) {
            return scraped;
        }
        assert!(tokio::time::Instant::now() < deadline, "{scraped:#?}");
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn the_gauges_of_a_paused_read_model_say_how_far_it_is_behind() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let last = some_orders(&server).await;
    until(&server, |read_model| read_model["checkpoint"] == last).await;
    let totals = [("read_model", "totals")];
    let level = scrape_until(&server, |scraped| {
        scraped.value("highwater_read_model_lag_positions", &totals) == Some(0.0)
            && scraped.value("highwater_read_models", &[("state", "live")]) == Some(1.0)
    })
    .await;
    assert_eq!(
        level.value("highwater_read_model_lag_seconds", &totals),
        Some(0.0)
    );
    order(&server, "pause", &json!({"reason": "a look"})).await;
    // Two orders of each of three customers, two of them cancelled: eight events that it handles.
    let head = some_orders(&server).await;
    assert_eq!(head, 2 * last);
    let behind = scrape_until(&server, |scraped| {
        scraped.value("highwater_read_model_lag_positions", &totals) == Some(14.0)
            && scraped.value("highwater_mark_position", &[]) == Some(28.0)
    })
    .await;
    let of = |name: &str| behind.value(name, &totals).unwrap();
    assert_eq!((last, of("highwater_read_model_lag_events")), (14, 8.0));
    let seconds = of("highwater_read_model_lag_seconds");
    let (_, read_model) = server.get("/api/read-models/totals").await;
    let said = read_model["lag"]["seconds"].as_f64().unwrap();
    assert!(
        0.0 < seconds && seconds <= said,
        "{seconds}, and {said} later"
    );
    let failures = behind.value("highwater_read_model_open_failures", &totals);
    assert_eq!(failures, Some(0.0));
    for state in [
        "starting",
        "catching_up",
        "live",
        "paused",
        "faulted",
        "stopped",
    ] {
        let is = f64::from(u8::from(state == "paused"));
        let one = [("read_model", "totals"), ("state", state)];
        let found = behind.value("highwater_read_model_state", &one);
        assert_eq!(found, Some(is), "{state}");
        let all = behind.value("highwater_read_models", &[("state", state)]);
        assert_eq!(all, Some(is), "{state}");
    }
    for (name, value) in [
        ("highwater_database_up", 1.0),
        ("highwater_head_position", 28.0),
        ("highwater_feed_faulted", 0.0),
        ("highwater_read_models_left_out", 0.0),
        ("highwater_subscriptions_left_out", 0.0),
    ] {
        assert_eq!(behind.value(name, &[]), Some(value), "{name}");
    }
    let age = behind.value("highwater_mark_age_seconds", &[]).unwrap();
    assert!((0.0..30.0).contains(&age), "{age}");
    let most = [("pool", "read")];
    let most = behind.value("highwater_pool_connections_max", &most);
    assert_eq!(most, Some(4.0));
    // The process counts for all of its servers, so there may be more.
    for name in [
        "highwater_events_appended_total",
        "highwater_append_seconds_count",
        "highwater_append_batch_events_sum",
    ] {
        assert!(behind.value(name, &[]).unwrap() >= 28.0, "{name}");
    }
}

#[tokio::test]
async fn requests_are_measured_by_the_route_that_they_match() {
    let server = Running::start().await;
    let secret = "a-name-that-nobody-chose";
    server.get(&format!("/api/read-models/{secret}")).await;
    let scraped = scrape(&server).await;
    let asked = [
        ("method", "GET"),
        ("route", "/api/read-models/{name}"),
        ("status", "4xx"),
    ];
    let asked = scraped.value("highwater_http_request_seconds_count", &asked);
    assert!(asked.unwrap() >= 1.0);
    for (_, labels, _) in &scraped.samples {
        assert!(
            labels.iter().all(|(_, said)| !said.contains(secret)),
            "{labels:?}"
        );
    }
}

#[tokio::test]
async fn jobs_are_counted_by_kind_and_state() {
    let (server, _) = wrong().await;
    let done = [("kind", "rebuild"), ("state", "done")];
    let before = scrape(&server).await;
    assert_eq!(before.value("highwater_jobs", &done), Some(0.0));
    rebuild(&server).await;
    let after = scrape_until(&server, |scraped| {
        scraped.value("highwater_jobs", &done) == Some(1.0)
    })
    .await;
    let some = after.samples.iter().filter(|(name, _, jobs)| {
        // Of all kinds and states there is a number, mostly none.
        name == "highwater_jobs" && *jobs > 0.0
    });
    assert_eq!(some.count(), 1);
}

#[tokio::test]
async fn a_parked_event_and_who_reads_are_seen() {
    let server = Running::start().await;
    let position = append(&server, "order-1", placed("c1", &json!(5))).await;
    let (status, made) = server
        .put(
            "/api/subscriptions/mailer",
            json!({"attempts": 1}).to_string(),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    let fetch = async |said: Value| {
        let path = "/api/subscriptions/mailer/fetch";
        let (status, fetched) = server.post(path, said.to_string()).await;
        assert_eq!(status, 200, "{fetched}");
        fetched
    };
    let given = fetch(json!({"member": "a"})).await;
    assert_eq!(given["deliveries"][0]["event"]["position"], position);
    fetch(json!({"member": "a", "failed": [{"position": position, "error": "no such address"}]}))
        .await;
    let mailer = [("subscription", "mailer")];
    let parked = scrape_until(&server, |scraped| {
        scraped.value("highwater_subscription_parked_events", &mailer) == Some(1.0)
    })
    .await;
    for (name, value) in [
        ("highwater_subscription_members", 1.0),
        ("highwater_subscription_unacknowledged_events", 0.0),
        ("highwater_subscription_lag_events", 0.0),
        ("highwater_subscription_paused", 0.0),
    ] {
        assert_eq!(parked.value(name, &mailer), Some(value), "{name}");
    }
}

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_there_are() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let last = some_orders(&server).await;
    handled(&server, last).await;
    server.put("/api/subscriptions/mailer", "{}").await;
    let mut reader = socket::open(&server.address).await.unwrap();
    socket::subscribe_at_head(&mut reader).await.unwrap();
    let events = [("topic", "events")];
    let scraped = scrape_until(&server, |scraped| {
        let readers = scraped.value("highwater_live_readers", &events);
        readers.is_some_and(|readers| readers >= 1.0)
            && scraped.has("highwater_read_model_slice_seconds_count")
            && scraped.has("highwater_subscription_lag_seconds")
    })
    .await;
    let dashboard: Value =
        serde_json::from_str(include_str!("../../public/grafana-dashboard.json")).unwrap();
    let mut queries = Vec::new();
    expressions(&dashboard, &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    for query in queries {
        let names: BTreeSet<&str> = query
            .split(|letter: char| !is_name(letter))
            .filter(|word| word.starts_with("highwater_"))
            .collect();
        assert!(!names.is_empty(), "{query}");
        for name in names {
            assert!(scraped.has(name), "{name} of {query}");
        }
    }
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels
        .iter()
        .map(|one| one["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}

/// What its panels ask for.
fn expressions<'d>(part: &'d Value, found: &mut Vec<&'d str>) {
    match part {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(query) if name == "expr" => found.push(query),
                    field => expressions(field, found),
                }
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| expressions(part, found)),
        _ => {}
    }
}

#[tokio::test]
async fn who_may_watch_is_answered_and_nobody_else() {
    let (server, admin) = with_admin().await;
    let (_, watcher) = token(&server, &admin, "prometheus", &["watch"]).await;
    let (_, reader) = token(&server, &admin, "reader", &["read", "append", "operate"]).await;
    let ask = || server.request("GET", "/metrics");
    let said = ask().bearer_auth(&watcher).send().await.unwrap();
    assert_eq!(said.status(), StatusCode::OK);
    let said = Exposition::read(&said.text().await.unwrap());
    assert_eq!(said.value("highwater_database_up", &[]), Some(1.0));
    let (status, problem) = answer(ask().bearer_auth(&reader)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
    assert_eq!(problem["needs"], json!(["watch"]));
    let (status, problem) = answer(ask()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{problem}");
    // It is let watch, and nothing else.
    let events = server.request("GET", "/api/events").bearer_auth(&watcher);
    assert_eq!(answer(events).await.0, StatusCode::FORBIDDEN);
}
