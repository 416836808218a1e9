//! Rules of masking: who makes them, what they refuse, and that they count at once.

use std::time::Duration;

use highwater_engine::FeedOptions;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::identity::{Browser, first_admin, token, user};
use crate::masking_plant::{Planted, TYPES, connect};
use crate::running::{Running, answer};
use crate::support::socket::{Socket, hear, say};

/// Of a field whose name everybody may know.
const DETAIL: &str = "data.customer.email is masked";

fn encoded(name: &str, line: &str) -> String {
    serde_urlencoded::to_string([(name, line)]).unwrap()
}

async fn is_refused(planted: &Planted, browser: &Browser, path: &str) {
    let (status, refused) = browser.get(&planted.server, path).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {refused}");
    assert_eq!(refused["type"], "not_allowed", "{path}");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("data.customer.email"), "{path}: {detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_a_field_can_not_search_for_it() {
    let planted = Planted::in_events().await;
    let (server, admin) = (&planted.server, &planted.admin);
    planted.masked("author").await;
    let operator = user(server, admin, "otto", "operator").await;
    let author = user(server, admin, "ann", "author").await;
    let calls = [
        "/api/events",
        "/api/events/histogram",
        "/api/export",
        "/api/export/events",
        "/api/flows",
        "/api/export/flows",
    ];
    let guesses = [
        format!("data.customer.email:{}", planted.secret),
        "data.customer.email:s*".to_owned(),
        "-data.customer.email:s*".to_owned(),
        "data.customer.email>s".to_owned(),
        "data.customer:x".to_owned(),
        "type:CustomerMoved data.customer.email:s*".to_owned(),
        planted.secret.clone(),
        format!("-\"{}\"", &planted.secret[..8]),
    ];
    for call in calls {
        for line in &guesses {
            let path = format!("{call}?{}", encoded("filter", line));
            is_refused(&planted, &operator, &path).await;
            let (status, _) = author.get(server, &path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
        }
        for line in [
            "type:CustomerMoved since:1h",
            "data.to:Gent metadata.service:crm",
            "type:OrderPlaced data.customer.email:x",
            "type:OrderPlaced \"late delivery\"",
        ] {
            let path = format!("{call}?{}", encoded("filter", line));
            let (status, answer) = operator.get(server, &path).await;
            assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        }
    }
    let first = "/api/streams/customer-1/state/first";
    for line in [
        "data.customer.email:s*",
        "type:OrderPlaced data.customer.email:s*",
    ] {
        let path = format!("{first}?{}", encoded("condition", line));
        is_refused(&planted, &operator, &path).await;
    }
    let path = format!("{first}?{}", encoded("condition", "data.to:Gent"));
    let (_, found) = operator.get(server, &path).await;
    assert_eq!(found["version"], 1, "{found}");

    // A subscription counts what matches it; its members are given events whole, so they may name what they like.
    let guess = json!({"filter": "data.customer.email:s*"});
    let path = "/api/subscriptions/guess";
    let (status, refused) = operator.send(server, "PUT", path, guess.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        refused["detail"].as_str().unwrap().starts_with(DETAIL),
        "{refused}"
    );
    let (_, member) = token(server, admin, "member", &["subscribe"]).await;
    let request = server.request("PUT", path).bearer_auth(member);
    let (status, _) = answer(request.json(&guess)).await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, seen) = operator.get(server, path).await;
    assert_eq!(seen["filter"], "data.customer.email:•••");
}

/// The next events of a feed.
async fn events(socket: &mut Socket, id: u64) -> Value {
    loop {
        let said = hear(socket).await.unwrap().unwrap();
        let some = said["events"].as_array().is_some_and(|all| !all.is_empty());
        if said["id"] == id && some {
            return said;
        }
    }
}

async fn caught_up(socket: &mut Socket, feeds: usize) -> String {
    let (mut through, mut all) = (0, String::new());
    while through < feeds {
        let said = hear(socket).await.unwrap().unwrap();
        through += usize::from(said.get("caught_up").is_some());
        all += &said.to_string();
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_counts_at_once_in_what_is_open() {
    let mut planted = Planted::in_events().await;
    let viewer = user(&planted.server, &planted.admin, "vera", "viewer").await;
    let mut socket = connect(&planted.server, &viewer).await;
    let searched = format!("data.email:{}", planted.secret);
    for (id, filter) in [(1, "type:Customer*"), (2, searched.as_str())] {
        let feed = json!({"subscribe": "events", "id": id, "after": 0, "filter": filter});
        say(&mut socket, &feed).await.unwrap();
    }
    assert!(caught_up(&mut socket, 2).await.contains(&planted.secret));

    // What searches for it ends, with the reason; what shows it goes on without it.
    let rules = planted.masked("operator").await;
    let ended = loop {
        let said = hear(&mut socket).await.unwrap().unwrap();
        if said.get("error").is_some() {
            break said;
        }
    };
    assert_eq!(
        (&ended["id"], &ended["error"]["status"]),
        (&json!(2), &json!(403))
    );
    let moved = json!({"customer": {"email": planted.secret}, "email": planted.secret});
    planted.append("customer-1", "CustomerMoved", &moved).await;
    let seen = events(&mut socket, 1).await;
    assert!(!seen.to_string().contains(&planted.secret), "{seen}");
    let data = json!({"customer": {"email": "•••"}, "email": "•••"});
    assert_eq!(seen["events"][0]["data"], data);

    for id in rules {
        let path = format!("/api/masking/{id}");
        planted.ordered("DELETE", &path, json!(null)).await;
    }
    planted.append("customer-1", "CustomerMoved", &moved).await;
    let seen = events(&mut socket, 1).await;
    assert!(seen.to_string().contains(&planted.secret), "{seen}");

    // So do those that are made in SQL, or at another server, a moment later.
    let mut sql = PgConnection::connect(&planted.server.database_url)
        .await
        .unwrap();
    sqlx::query("insert into highwater.mask_rules (types, path, visible_to, created_by, reason) values ('*', 'data', 'admin', 'sql', 'x')")
        .execute(&mut sql)
        .await
        .unwrap();
    let path = "/api/streams/order-1/events";
    let until = tokio::time::Instant::now() + Duration::from_secs(8);
    while viewer.get(&planted.server, path).await.1["events"][0]["data"] != "•••" {
        assert!(tokio::time::Instant::now() < until, "it is never learned");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleared_read_model_is_seen_until_it_is_defined_anew() {
    let planted = Planted::in_events().await;
    let (server, admin) = (&planted.server, &planted.admin);
    planted.masked("operator").await;
    let table = "create table {} (position bigint primary key, email text);";
    let rows = "insert into {} select position, data->'customer'->>'email' from events;";
    planted.define("people", "Customer*", table, rows).await;
    let wait = "/api/read-models/people?wait=7&timeout=25";
    planted.until(wait, |found| found["handled"] == true).await;
    let viewer = user(server, admin, "vera", "viewer").await;
    let path = "/api/read-models/people/rows";
    assert_eq!(viewer.get(server, path).await.0, StatusCode::FORBIDDEN);

    let cleared = "/api/masking/cleared/people";
    let none = admin.send(server, "PUT", cleared, json!({})).await;
    assert_eq!(none.1["type"], "reason_missing");
    let order = json!({"reason": "they know each other"});
    planted.ordered("PUT", cleared, order.clone()).await;
    let (status, seen) = viewer.get(server, path).await;
    assert_eq!(status, StatusCode::OK, "{seen}");
    assert!(seen.to_string().contains(&planted.secret), "{seen}");
    let (_, masking) = viewer.get(server, "/api/masking").await;
    assert_eq!(masking["cleared"][0]["read_model"], "people");

    let other = format!("{rows} -- and so on");
    planted.define("people", "Customer*", table, &other).await;
    assert_eq!(viewer.get(server, path).await.0, StatusCode::FORBIDDEN);
    let (_, masking) = viewer.get(server, "/api/masking").await;
    assert_eq!(masking["cleared"], json!([]));

    planted.ordered("PUT", cleared, order.clone()).await;
    planted.ordered("DELETE", cleared, json!(null)).await;
    assert_eq!(viewer.get(server, path).await.0, StatusCode::FORBIDDEN);
    let again = admin.send(server, "DELETE", cleared, json!(null)).await;
    assert_eq!(again.0, StatusCode::NOT_FOUND);
    let unknown = "/api/masking/cleared/nobodys";
    let unknown = admin.send(server, "PUT", unknown, order).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_on_record_and_wrong_ones_are_refused_in_words() {
    let server = Running::with_pages(FeedOptions::default()).await;
    let admin = first_admin(&server).await;
    let viewer = user(&server, &admin, "vera", "viewer").await;
    let event = json!([{"type": "CustomerMoved", "data": {}}]);
    let path = "/api/streams/customer-1/events";
    admin.send(&server, "POST", path, event).await;
    let rule = |types: &str, path: &str, visible_to: &str| json!({"types": types, "path": path, "visible_to": visible_to, "reason": "x"});
    let path = "/api/masking";
    for (body, kind, field) in [
        (rule("", "data.a", "admin"), "bad_mask", json!("types")),
        (rule("A B", "data.a", "admin"), "bad_mask", json!("types")),
        (rule("*", "email", "admin"), "bad_mask", json!("path")),
        (rule("*", "data.em*", "admin"), "bad_mask", json!("path")),
        (
            rule("*", "metadata.service", "admin"),
            "bad_mask",
            json!("path"),
        ),
        (
            rule("*", "data.a", "viewer"),
            "bad_mask",
            json!("visible_to"),
        ),
        (rule("*", "data.a", "nobody"), "bad_fields", json!(null)),
        (
            json!({"types": "*", "path": "data.a", "visible_to": "admin"}),
            "reason_missing",
            json!("reason"),
        ),
    ] {
        let (status, refused) = admin.send(&server, "POST", path, body.clone()).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body}: {refused}"
        );
        assert_eq!(
            (&refused["type"], &refused["field"]),
            (&json!(kind), &field),
            "{body}"
        );
    }
    let good = rule(TYPES, "data.items[].email", "operator");
    let (status, _) = viewer.send(&server, "POST", path, good.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, made) = admin.send(&server, "POST", path, good.clone()).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    assert_eq!(made["path"], "data.items.email");
    let (status, _) = admin.send(&server, "POST", path, good).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "there is that rule"
    );
    let (_, masking) = viewer.get(&server, path).await;
    assert_eq!(masking["rules"][0]["matches"], json!(["CustomerMoved"]));
    assert_eq!(masking["rules"][0]["created_by"], "root");

    let gone = format!("{path}/{}?reason=not%20needed", made["id"]);
    let (status, _) = admin.send(&server, "DELETE", &gone, json!(null)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = admin.send(&server, "DELETE", &gone, json!(null)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, actions) = viewer.get(&server, "/api/actions?actor=root").await;
    let done: Vec<&str> = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["action"].as_str().unwrap())
        .filter(|action| action.ends_with("mask"))
        .collect();
    assert_eq!(done, ["unmask", "mask"]);
}
