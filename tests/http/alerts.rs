//! Alerts: what fires, what is told of it, and that it is told once.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::running::{Running, answer};
use crate::totals::{TOTALS, append, handled, order, placed, put};
use crate::webhook::Webhook;

const SECRET: &str = "open sesame";
/// How long an alert may take to stand where it should.
const PATIENCE: Duration = Duration::from_secs(40);

/// Writes a rule.
pub(crate) async fn rule(server: &Running, name: &str, body: &Value) -> Value {
    let path = format!("/api/alert-rules/{name}");
    let (status, answer) = server.put(&path, body.to_string()).await;
    assert!(status.is_success(), "{answer}");
    answer
}

/// Waits until the newest alert of the list is as it should be.
async fn until_first(server: &Running, query: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, list) = server.get(&format!("/api/alerts{query}")).await;
        if is(&list["alerts"][0]) {
            return list["alerts"][0].clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{list:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The alert fires and is at least so bad: the rules were looked after again meanwhile.
async fn until_worse(server: &Running, seconds: f64) -> Value {
    until_first(server, "?state=firing", |alert| {
        alert["value"].as_f64().is_some_and(|value| value > seconds)
    })
    .await
}

/// A read model that has handled one event, and is paused.
async fn paused(server: &Running) {
    put(server, "totals", TOTALS).await;
    let position = append(server, "order-1", placed("ada", &json!(500))).await;
    handled(server, position).await;
    let (status, said) = order(server, "pause", &json!({"reason": "a look"})).await;
    assert_eq!(status, 200, "{said}");
}

fn late(webhook: &Webhook) -> Value {
    json!({"kind": "lag_seconds", "read_model": "tot*", "seconds": 1, "webhook": webhook.url(), "secret": SECRET})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lag_is_told_once_and_so_is_its_end() {
    let (server, webhook) = (Running::start().await, Webhook::start().await);
    server.look_after_alerts();
    paused(&server).await;
    rule(&server, "late", &late(&webhook)).await;
    append(&server, "order-2", placed("bo", &json!(700))).await;
    let told = webhook.until_taken(1).await;
    assert!(told[0].is_signed_by(SECRET) && !told[0].is_signed_by("another"));
    assert_eq!(told[0].media_type, "application/cloudevents+json");
    let fires = told[0].event();
    assert_eq!(
        (&fires["type"], &fires["specversion"], &fires["subject"]),
        (
            &json!("highwater.alert.firing"),
            &json!("1.0"),
            &json!("totals")
        )
    );
    assert_eq!(fires["source"], format!("http://{}", server.address));
    let data = &fires["data"];
    assert_eq!(
        (&data["rule"], &data["kind"], &data["link"]),
        (
            &json!("late"),
            &json!("lag_seconds"),
            &json!("/read-models/totals")
        )
    );
    let words = data["words"].as_str().unwrap();
    assert!(
        words.ends_with("more than 1 s: 1 event waits, and it is paused."),
        "{words}"
    );

    // However long it goes on.
    let firing = until_worse(&server, 4.0).await;
    assert_eq!(
        (&firing["rule"], &firing["of"], &firing["tell_error"]),
        (&json!("late"), &json!("read_model"), &json!(null))
    );
    assert!(firing["told_at"].is_string(), "{firing}");
    assert_eq!(webhook.taken().len(), 1);
    let (_, rules) = server.get("/api/alert-rules").await;
    assert_eq!(
        (&rules[0]["firing"], &rules[0]["signed"]),
        (&json!(1), &json!(true))
    );

    order(&server, "resume", &json!({})).await;
    let told = webhook.until_taken(2).await;
    let over = told[1].event();
    assert_eq!(over["type"], "highwater.alert.resolved");
    assert_ne!(over["id"], fires["id"]);
    assert_eq!(over["data"]["since"], data["since"]);
    let words = over["data"]["words"].as_str().unwrap();
    assert!(words.contains("is no longer so far behind"), "{words}");
    let alert = until_first(&server, "", |alert| alert["told_at"].is_string()).await;
    assert_eq!(alert["state"], "resolved");
    assert_eq!(
        server.get("/api/alerts?state=firing").await.1["alerts"],
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_tell_once_and_when_one_ends_the_other_goes_on() {
    let (server, webhook) = (Running::start().await, Webhook::start().await);
    let other = server.beside().await;
    server.look_after_alerts();
    other.look_after_alerts();
    paused(&server).await;
    rule(&server, "late", &late(&webhook)).await;
    append(&server, "order-2", placed("bo", &json!(700))).await;
    webhook.until_taken(1).await;
    let seen = until_worse(&other, 3.0).await;
    drop(server);
    // The other one, and one that starts anew, find what was so.
    let third = other.beside().await;
    third.look_after_alerts();
    let later = until_worse(&third, 7.0).await;
    assert_eq!(
        (&later["id"], &later["fired_at"]),
        (&seen["id"], &seen["fired_at"])
    );
    assert_eq!(webhook.taken().len(), 1);
    order(&third, "resume", &json!({})).await;
    let told = webhook.until_taken(2).await;
    assert_eq!(told[1].event()["type"], "highwater.alert.resolved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_away_is_told_once_it_is_back_with_the_same_id() {
    let (server, webhook) = (Running::start().await, Webhook::start().await);
    server.look_after_alerts();
    paused(&server).await;
    webhook.answers(503);
    rule(&server, "late", &late(&webhook)).await;
    append(&server, "order-2", placed("bo", &json!(700))).await;
    let refused = webhook.until_refused(2).await;
    let untold = until_first(&server, "", |alert| alert["tell_again_at"].is_string()).await;
    assert_eq!(
        untold["tell_error"], "it answered 503 Service Unavailable",
        "{untold}"
    );
    // What it does not take holds up nobody.
    until_worse(&server, 4.0).await;
    webhook.answers(200);
    let told = webhook.until_taken(1).await;
    let id = told[0].event()["id"].clone();
    assert!(refused.iter().all(|one| one.event()["id"] == id));
    let told_now = until_first(&server, "", |alert| alert["told_at"].is_string()).await;
    assert_eq!(told_now["tell_error"], json!(null));
    until_worse(&server, told_now["value"].as_f64().unwrap() + 1.0).await;
    assert_eq!(webhook.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_a_failed_event_is_told_until_somebody_decides() {
    let (server, webhook) = (Running::start().await, Webhook::start().await);
    server.look_after_alerts();
    put(&server, "totals", TOTALS).await;
    let body = json!({"kind": "faulted", "read_model": "*", "webhook": webhook.url()});
    rule(&server, "faulted", &body).await;
    let position = append(&server, "order-1", placed("ada", &json!(null))).await;
    let told = webhook.until_taken(1).await;
    assert!(
        !told[0].is_signed_by(SECRET),
        "without a secret there is no signature"
    );
    let words = told[0].event()["data"]["words"].clone();
    assert_eq!(
        words,
        format!("totals stands on event {position}, which it could not handle.")
    );
    let path = format!("/api/read-models/totals/failures/{position}/skip");
    server.post(&path, r#"{"reason": "a test order"}"#).await;
    let told = webhook.until_taken(2).await;
    let words = told[1].event()["data"]["words"].clone();
    assert!(
        words.as_str().unwrap().starts_with("totals goes on"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_events_fire_and_so_does_a_held_mark() {
    let server = Running::start().await;
    server.look_after_alerts();
    server
        .put("/api/subscriptions/mailer", r#"{"attempts": 1}"#)
        .await;
    let position = append(&server, "order-1", placed("ada", &json!(500))).await;
    rule(
        &server,
        "parked",
        &json!({"kind": "faulted", "subscription": "mailer"}),
    )
    .await;
    let fetch = "/api/subscriptions/mailer/fetch";
    server.post(fetch, r#"{"member": "a", "wait_s": 5}"#).await;
    let failed = json!({"member": "a", "failed": [{"position": position, "error": "no address"}]});
    server.post(fetch, failed.to_string()).await;
    let alert = until_first(&server, "", |alert| alert["state"] == "firing").await;
    assert_eq!(
        (&alert["words"], &alert["link"], &alert["told_at"]),
        (
            &json!("mailer has 1 parked event."),
            &json!("/subscriptions/mailer"),
            &json!(null)
        )
    );
    let request = server.request("DELETE", "/api/alert-rules/parked");
    assert_eq!(answer(request).await.0, 204);
    let gone = until_first(&server, "", |alert| alert["state"] == "resolved").await;
    assert_eq!(gone["words"], "The rule was removed by local.");

    rule(&server, "held", &json!({"kind": "mark_age", "seconds": 1})).await;
    let mut writer = PgConnection::connect(&server.database_url).await.unwrap();
    let open =
        r#"begin; select * from highwater.append('order-9', -1, '[{"type": "A", "data": {}}]')"#;
    writer.execute(open).await.unwrap();
    let held = until_first(&server, "?state=firing", |alert| alert["rule"] == "held").await;
    let words = held["words"].as_str().unwrap();
    assert!(words.contains("has open appends"), "{words}");
    assert_eq!(held["link"], "/store");
    writer.execute("commit").await.unwrap();
    until_first(&server, "?state=resolved", |alert| alert["rule"] == "held").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_wrong_fires_and_in_maintenance_lag_does_not() {
    let server = Running::start().await;
    server.look_after_alerts();
    put(&server, "totals", TOTALS).await;
    let begun = server
        .put("/api/maintenance", r#"{"reason": "new disks"}"#)
        .await;
    assert_eq!(begun.0, 200, "{}", begun.1);
    append(&server, "order-1", placed("ada", &json!(500))).await;
    let late = json!({"kind": "lag_seconds", "read_model": "totals", "seconds": 1});
    rule(&server, "late", &late).await;
    crate::totals::until(&server, |model| {
        model["lag"]["seconds"]
            .as_f64()
            .is_some_and(|lag| lag > 2.0)
    })
    .await;
    // The Postgres of the tests does without what makes it durable: this rule shows that all of them were looked after since.
    let check = json!({"kind": "check", "check": "durability"});
    rule(&server, "check", &check).await;
    let fired = until_first(&server, "", |alert| alert["rule"] == "check").await;
    let words = fired["words"].as_str().unwrap();
    assert!(
        words.starts_with("The check durability is wrong: a crash"),
        "{words}"
    );
    for state in ["pending", "firing"] {
        let (_, list) = server.get(&format!("/api/alerts?state={state}")).await;
        let mut rules = list["alerts"].as_array().unwrap().iter();
        assert!(rules.all(|alert| alert["rule"] != "late"), "{list}");
    }
    // Off, it is over.
    let off = json!({"kind": "check", "check": "durability", "enabled": false});
    rule(&server, "check", &off).await;
    let over = until_first(&server, "", |alert| alert["state"] == "resolved").await;
    assert_eq!(over["words"], "The rule check was switched off.");
}
