//! Charts as pictures, and the lag of all read models over time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::refused::is_refused;
use crate::running::Running;
use crate::totals::{TOTALS, append, placed, put, until};

/// A picture: its media type and its bytes.
async fn picture(server: &Running, path: &str) -> (String, Vec<u8>) {
    let response = server.request("GET", path).send().await.unwrap();
    let status = response.status();
    let kind = response.headers()[CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    let bytes = response.bytes().await.unwrap().to_vec();
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&bytes));
    (kind, bytes)
}

/// An SVG: its words, and the heights of bars of a colour in pixels.
async fn drawing(server: &Running, path: &str, colour: &str) -> (Vec<String>, Vec<f64>) {
    let (kind, bytes) = picture(server, path).await;
    assert_eq!(kind, "image/svg+xml");
    let text = String::from_utf8(bytes).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let named = |name| {
        document
            .descendants()
            .filter(move |node| node.has_tag_name((SVG, name)))
    };
    let words = named("text").filter_map(|node| Some(node.text()?.trim().to_owned()));
    let bars = named("rect").filter(|node| node.attribute("fill") == Some(colour));
    let heights = bars.filter_map(|node| node.attribute("height")?.parse().ok());
    (words.collect(), heights.collect())
}

const SVG: &str = "http://www.w3.org/2000/svg";
/// Of the first series on white.
const FIRST: &str = "#006F8F";
/// Pixels between the title and the labels of a picture that is 320 high.
const PLOT: f64 = 320.0 - 64.0 - 58.0;

#[tokio::test]
async fn bars_are_as_high_as_the_store_has_events() {
    let server = Running::start().await;
    for number in 0..40 {
        append(
            &server,
            &format!("order-{number}"),
            json!({"type": "A", "data": {}}),
        )
        .await;
    }
    // What is not over is told by what has passed of it.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (_, store) = server.get("/api/store").await;
    let now: Timestamp = store["mark"]["seen_at"].as_str().unwrap().parse().unwrap();
    let until = Timestamp::from_second(now.as_second() + 1).unwrap();
    let since = until - SignedDuration::from_secs(60);
    let path = format!("/api/charts/appends.svg?since={since}&until={until}");
    let (words, heights) = drawing(&server, &path, FIRST).await;
    for expected in ["Append rate", "events / s", "events appended a second", "0"] {
        assert!(
            words.iter().any(|said| said == expected),
            "{expected}: {words:?}"
        );
    }
    let spoken = format!(
        "{} UTC",
        until.to_string().replace('T', " ").trim_end_matches('Z')
    );
    assert!(
        words.iter().any(|said| said.ends_with(&spoken)),
        "{spoken}: {words:?}"
    );
    // The labels of the axis of values are those that are numbers; the swatch of the legend is 4 pixels high.
    let numbers = words.iter().filter_map(|said| said.parse::<f64>().ok());
    let top = numbers.fold(0.0, f64::max);
    let events: f64 = heights
        .iter()
        .filter(|height| **height > 5.0)
        .map(|height| height / PLOT * top)
        .sum();
    assert!(
        (events - 40.0).abs() < 2.5,
        "{events} of {heights:?}, up to {top}"
    );
}

#[tokio::test]
async fn a_png_has_the_size_that_was_asked_for() {
    let server = Running::start().await;
    for theme in ["light", "dark"] {
        for name in ["appends", "lag"] {
            let path =
                format!("/api/charts/{name}.png?range=7d&width=640&height=200&theme={theme}");
            let (kind, bytes) = picture(&server, &path).await;
            assert_eq!(kind, "image/png");
            assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
            let size = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!((size(16), size(20)), (640, 200));
        }
    }
}

#[tokio::test]
async fn a_chart_that_can_not_be_drawn_says_which_can() {
    let server = Running::start().await;
    let table: [(&str, &[&str]); 8] = [
        (
            "appends.svg?width=10",
            &["width is 320 to 2400 pixels; this is 10"],
        ),
        (
            "appends.png?height=100000",
            &["height is 180 to 1600 pixels"],
        ),
        ("lag.svg?range=2h", &["range", "15m", "7d"]),
        (
            "lag.svg?range=1h&until=2026-01-01T00:00:00Z",
            &["range, or since"],
        ),
        (
            "lag.svg?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
            &["before until"],
        ),
        ("appends.svg?theme=pink", &["light", "dark"]),
        ("appends.svg?read_model=totals", &["of lag alone"]),
        ("appends.svg?colour=red", &["colour"]),
    ];
    for (path, says) in table {
        is_refused(
            server.get(&format!("/api/charts/{path}")).await,
            400,
            "bad_query",
            says,
        );
    }
    for path in ["sales.svg", "appends", "appends.gif", "lag.svg.exe"] {
        let answer = server.get(&format!("/api/charts/{path}")).await;
        is_refused(answer, 404, "not_found", &["appends.svg", "lag.png"]);
    }
    let nobody = server.get("/api/charts/lag.svg?read_model=nobody").await;
    is_refused(nobody, 404, "not_found", &["nobody"]);
}

/// Waits for a history that is as it should be.
async fn history(server: &Running, query: &str, is: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let (status, history) = server
            .get(&format!("/api/read-models/lag-history{query}"))
            .await;
        assert_eq!(status, 200, "{history}");
        if is(&history) {
            return history;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it was never so")
}

#[tokio::test]
async fn the_read_model_that_was_furthest_behind_is_answered_and_the_others_are_counted() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let others = TOTALS.replace("create table totals", "create table others");
    let others = others
        .replace("insert into totals", "insert into others")
        .replace("totals.", "others.");
    let fine = others.replace(
        "(data->>'cents')::bigint",
        "coalesce((data->>'cents')::bigint, 0)",
    );
    let (status, body) = put(&server, "others", &fine).await;
    assert_eq!(status, 201, "{body}");
    append(&server, "order-1", placed("c1", &json!("nine"))).await;
    append(&server, "order-2", json!({"type": "Noted", "data": {}})).await;
    // Both can't handle it, or one: the one that stands on it falls behind.
    until(&server, |model| model["state"] == "faulted").await;
    let behind = |history: &Value| {
        let points = history["read_models"][0]["points"].as_array();
        points.is_some_and(|points| {
            points
                .iter()
                .any(|point| point["seconds"].as_f64() > Some(2.0))
        })
    };
    let worst = history(&server, "?worst=1", behind).await;
    assert_eq!(worst["read_models"].as_array().unwrap().len(), 1, "{worst}");
    assert_eq!(
        (&worst["step_s"], &worst["left_out"]),
        (&json!(10), &json!(1)),
        "{worst}"
    );
    let one = history(&server, "?read_model=totals&step=1", behind).await;
    assert_eq!(
        (&one["read_models"][0]["name"], &one["left_out"]),
        (&json!("totals"), &json!(0))
    );
    // The same as its own history.
    let (_, own) = server.get("/api/read-models/totals/lag?step=1").await;
    let point = &one["read_models"][0]["points"][0];
    assert!(
        own.as_array().unwrap().contains(point),
        "{point} is not in {own}"
    );
    let (words, _) = drawing(&server, "/api/charts/lag.svg?read_model=totals", FIRST).await;
    assert!(
        words.iter().any(|said| said == "Lag of totals"),
        "{words:?}"
    );
    let (words, _) = drawing(&server, "/api/charts/lag.svg", FIRST).await;
    for name in ["totals", "others"] {
        assert!(words.iter().any(|said| said == name), "{words:?}");
    }
}

#[tokio::test]
async fn a_history_of_lag_that_can_not_be_answered_says_what_can() {
    let server = Running::start().await;
    let table: [(&str, &[&str]); 5] = [
        ("worst=0", &["worst is 1 to 20; this is 0"]),
        ("worst=21", &["worst is 1 to 20"]),
        ("step=0", &["step is 1 to 86400 seconds"]),
        (
            "until=2026-01-01T00:00:00Z&since=2026-01-01T00:00:00Z",
            &["before until"],
        ),
        ("since=yesterday", &["since"]),
    ];
    for (query, says) in table {
        let answer = server
            .get(&format!("/api/read-models/lag-history?{query}"))
            .await;
        is_refused(answer, 400, "bad_query", says);
    }
    let (status, none) = server.get("/api/read-models/lag-history").await;
    assert_eq!((status.as_u16(), &none["read_models"]), (200, &json!([])));
    for name in ["nobody", "No%20Name"] {
        let answer = server
            .get(&format!("/api/read-models/lag-history?read_model={name}"))
            .await;
        is_refused(answer, 404, "not_found", &[]);
    }
}
