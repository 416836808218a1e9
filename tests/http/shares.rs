//! Links to the Stage: onlookers see that something happened, and nothing else.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::identity::{Browser, with_admin};
use crate::running::{Running, answer};
use crate::support::socket::{Socket, hear, say};

/// In everything that an event holds, and in the name of its stream.
const PLANTED: &str = "planted-5f1c";

/// What the link of this answer shows to a browser of its own.
pub(crate) async fn onlooker(server: &Running, path: &str) -> Browser {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let request = server.request("GET", path).build().unwrap();
    let response = client.execute(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let place = response.headers()["location"].to_str().unwrap();
    assert!(place.starts_with("/stage"), "{place}");
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    Browser::with(cookie.split(';').next().unwrap())
}

/// Makes a link: its number and its path.
pub(crate) async fn share(server: &Running, admin: &Browser, body: Value) -> (i64, String) {
    let (status, made) = admin.send(server, "POST", "/api/shares", body).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let path = made["path"].as_str().unwrap().to_owned();
    (made["share"]["id"].as_i64().unwrap(), path)
}

async fn plant(server: &Running, admin: &Browser) {
    let event = json!({"type": "CustomerMoved", "data": {"to": PLANTED}, "metadata": {"service": "crm", "actor": PLANTED}});
    let path = format!("/api/streams/customer-{PLANTED}/events");
    let (status, problem) = admin.send(server, "POST", &path, json!([event])).await;
    assert!(status.is_success(), "{problem}");
    // A read model that quotes data in its definition, and stands on an event with an error that does.
    let definition = format!(
        "-- highwater: events CustomerMoved\n-- highwater: tables\ncreate table moved (n int primary key);\n\
         -- highwater: slice\ninsert into moved select ('{PLANTED}' || (data->>'to'))::int from events;\n"
    );
    let request = admin.request(server, "PUT", "/api/read-models/moved");
    let (status, problem) = answer(request.body(definition)).await;
    assert!(status.is_success(), "{problem}");
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let (_, model) = admin.get(server, "/api/read-models/moved").await;
        if model["state"] == "faulted" {
            assert!(model["reason"].to_string().contains(PLANTED), "{model}");
            break;
        }
        assert!(tokio::time::Instant::now() < until, "{model}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A filter that names somebody is not for everybody's eyes either.
    let subscription = json!({"filter": format!("type:CustomerMoved data.to:{PLANTED}")});
    let path = "/api/subscriptions/mailer";
    let (status, problem) = admin.send(server, "PUT", path, subscription).await;
    assert!(status.is_success(), "{problem}");
}

/// Opens the live feed as this browser.
pub(crate) async fn connect(server: &Running, browser: &Browser) -> Socket {
    let address = format!("ws://{}/api/live", server.address);
    let mut request = address.into_client_request().unwrap();
    let cookie = browser.cookie().parse().unwrap();
    request.headers_mut().insert("cookie", cookie);
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

#[tokio::test]
async fn whoever_has_a_link_sees_headlines_in_every_call_and_nothing_planted() {
    let (server, admin) = with_admin().await;
    plant(&server, &admin).await;
    let (_, path) = share(&server, &admin, json!({"hours": 1})).await;
    let guest = onlooker(&server, &path).await;
    let (_, who) = guest.get(&server, "/api/session").await;
    assert_eq!(who["rights"], json!(["look"]));
    assert!(who["name"].as_str().unwrap().starts_with("share:"));

    let (_, page) = guest.get(&server, "/api/events").await;
    let seen = &page["events"][0];
    assert_eq!(seen["type"], "CustomerMoved");
    assert_eq!(seen["metadata"], json!({"service": "crm"}));
    assert_eq!(seen["data"], json!({}));
    assert_eq!(seen["stream"], "customer-…");

    // Each call of the document: whatever it answers, nothing planted is in it.
    let document = admin.request(&server, "GET", "/api/openapi.json");
    let document: Value = document.send().await.unwrap().json().await.unwrap();
    let mut answered = Vec::new();
    for (call, methods) in document["paths"].as_object().unwrap() {
        if methods.get("get").is_none() || call == "/api/live" {
            continue;
        }
        let address = call
            .replace("{stream}", &format!("customer-{PLANTED}"))
            .replace("{name}", "mailer")
            .replace("{type}", "CustomerMoved");
        let response = guest
            .request(&server, "GET", &address)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        // A refusal repeats the address that was asked for, not what is there.
        assert!(
            !status.is_success() || !text.contains(PLANTED),
            "{address}: {text}"
        );
        if status.is_success() {
            answered.push(call.clone());
        }
    }
    for call in [
        "/api/events",
        "/api/subscriptions",
        "/api/flow-map",
        "/api/read-models",
    ] {
        assert!(
            answered.contains(&call.to_owned()),
            "{call} of {answered:?}"
        );
    }
    assert!(!answered.contains(&"/api/export".to_owned()));

    // Who can't see it can't search for it.
    for line in [
        format!("data.to:{PLANTED}"),
        PLANTED.to_owned(),
        format!("stream:customer-{PLANTED}"),
    ] {
        for call in ["/api/events", "/api/events/histogram"] {
            let address = format!("{call}?filter={line}");
            let request = guest.request(&server, "GET", &address);
            let (status, problem) = answer(request).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{call} {line}: {problem}");
        }
    }
    let (status, _) = guest.send(&server, "POST", "/api/events", json!([])).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_link_shows_what_happens_live_until_it_is_ended() {
    let (server, admin) = with_admin().await;
    plant(&server, &admin).await;
    let (id, path) = share(&server, &admin, json!({"hours": 1})).await;
    let guest = onlooker(&server, &path).await;
    let mut socket = connect(&server, &guest).await;
    for (id, topic) in [(1, "events"), (2, "subscriptions"), (3, "jobs"), (5, "lag")] {
        let after = if topic == "events" {
            json!({"subscribe": topic, "id": id, "after": 0})
        } else {
            json!({"subscribe": topic, "id": id})
        };
        say(&mut socket, &after).await.unwrap();
    }
    plant(&server, &admin).await;
    let (mut events, mut refused, mut lag) = (0, false, false);
    while events < 2 || !refused || !lag {
        let said = hear(&mut socket).await.unwrap().unwrap();
        assert!(!said.to_string().contains(PLANTED), "{said}");
        events += said["events"].as_array().map_or(0, Vec::len);
        lag |= said["id"] == 5 && said["lag"][0]["name"] == "moved";
        refused |= said["id"] == 3 && said["error"]["status"] == 403;
    }
    let filtered =
        json!({"subscribe": "events", "id": 4, "after": 0, "filter": format!("data.to:{PLANTED}")});
    say(&mut socket, &filtered).await.unwrap();
    let refused = loop {
        let said = hear(&mut socket).await.unwrap().unwrap();
        if said["id"] == 4 {
            break said;
        }
    };
    assert_eq!(refused["error"]["status"], 403, "{refused}");

    let (status, _) = admin
        .send(&server, "DELETE", &format!("/api/shares/{id}"), json!(null))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let closed = async { while hear(&mut socket).await.unwrap().is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .unwrap();
    let (status, _) = guest.get(&server, "/api/events").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_link_to_a_recording_shows_nothing_outside_of_it() {
    let (server, admin) = with_admin().await;
    plant(&server, &admin).await;
    let (_, page) = admin.get(&server, "/api/events").await;
    let first = page["events"][0]["recorded_at"]
        .as_str()
        .unwrap()
        .to_owned();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let until: jiff::Timestamp = first.parse().unwrap();
    let until = until
        .checked_add(jiff::SignedDuration::from_millis(10))
        .unwrap();
    plant(&server, &admin).await;
    let body = json!({"hours": 1, "since": first, "until": until});
    let (_, path) = share(&server, &admin, body).await;
    let guest = onlooker(&server, &path).await;
    let (_, page) = guest.get(&server, "/api/events").await;
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
    let (_, page) = guest.get(&server, "/api/events?filter=since:1h").await;
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
    let (status, _) = guest.get(&server, "/api/events/histogram").await;
    assert!(status == StatusCode::OK || status == StatusCode::FORBIDDEN);
    let mut socket = connect(&server, &guest).await;
    say(
        &mut socket,
        &json!({"subscribe": "events", "id": 1, "after": 0}),
    )
    .await
    .unwrap();
    let refused = hear(&mut socket).await.unwrap().unwrap();
    assert_eq!(refused["error"]["status"], 403, "{refused}");
}

#[tokio::test]
async fn a_link_that_was_changed_or_has_expired_leads_to_the_login() {
    let (server, admin) = with_admin().await;
    let (_, path) = share(&server, &admin, json!({"hours": 1})).await;
    let guest = onlooker(&server, &path).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let place = async |path: &str| {
        let request = server.request("GET", path).build().unwrap();
        let response = client.execute(request).await.unwrap();
        assert!(response.headers().get("set-cookie").is_none());
        response.headers()["location"].to_str().unwrap().to_owned()
    };
    let mut changed = path.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == '0' { '1' } else { '0' });
    assert_eq!(place(&changed).await, "/login?failed=share");
    let mut sql = PgConnection::connect(&server.database_url).await.unwrap();
    sqlx::query("update highwater.shares set created_at = now() - interval '2 hours', expires_at = now() - interval '1 second'")
        .execute(&mut sql)
        .await
        .unwrap();
    assert_eq!(place(&path).await, "/login?failed=share");
    let until = tokio::time::Instant::now() + Duration::from_secs(8);
    while guest.get(&server, "/api/events").await.0 != StatusCode::UNAUTHORIZED {
        assert!(tokio::time::Instant::now() < until, "it is never learned");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for bad in [
        json!({"hours": 0}),
        json!({"hours": 721}),
        json!({"hours": 1, "since": "2026-01-01T00:00:00Z"}),
        json!({"hours": 1, "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}),
    ] {
        let (status, problem) = admin
            .send(&server, "POST", "/api/shares", bad.clone())
            .await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}: {problem}");
    }
}

#[tokio::test]
async fn without_a_login_there_is_nothing_to_share() {
    let server = Running::start().await;
    let (status, problem) = server.post("/api/shares", r#"{"hours":1}"#).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["type"].as_str().unwrap().ends_with("no_login"));
}
