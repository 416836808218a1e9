//! Rules of alerts: what one can be, what it would have fired at, who sees what of it.

use highwater_app::api::escape;
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::alerts::rule;
use crate::identity::{user, with_admin};
use crate::refused::is_refused;
use crate::running::{Running, answer};
use crate::totals::{TOTALS, put};
use crate::webhook::Webhook;

const SECRET: &str = "open sesame";

/// What can't be a rule: its body, the kind of the refusal, and words that say what would be right.
const WRONG: [(&str, &str, &str); 12] = [
    ("{}", "bad_fields", "kind"),
    ("[\"check\"]", "bad_fields", "an object like"),
    (r#"{"kind": "sunspots"}"#, "bad_fields", "lag_seconds"),
    (
        r#"{"kind": "check", "check": "*", "color": "red"}"#,
        "bad_fields",
        "color",
    ),
    (
        r#"{"kind": "lag_seconds", "seconds": 5}"#,
        "bad_alert_rule",
        "name a read model or a subscription",
    ),
    (
        r#"{"kind": "lag_seconds", "read_model": "a", "seconds": 0}"#,
        "bad_alert_rule",
        "from 1 to 604800",
    ),
    (
        r#"{"kind": "stalled", "subscription": "a", "seconds": 9, "for_s": 9}"#,
        "bad_alert_rule",
        "leave for_s out",
    ),
    (
        r#"{"kind": "check", "check": "*", "webhook": "http://hooks.example/"}"#,
        "bad_alert_rule",
        "use https",
    ),
    (
        r#"{"kind": "check", "check": "*", "webhook": "ftp://hooks.example/"}"#,
        "bad_alert_rule",
        "has to be https",
    ),
    (
        r#"{"kind": "check", "check": "*", "webhook": "hooks.example"}"#,
        "bad_alert_rule",
        "https://hooks.example/alerts",
    ),
    (
        r#"{"kind": "check", "check": "*", "webhook": "https://me:pw@hooks.example/"}"#,
        "bad_alert_rule",
        "a user or a password",
    ),
    (
        r#"{"kind": "check", "check": "*", "secret": "s"}"#,
        "bad_alert_rule",
        "name the webhook",
    ),
];

#[tokio::test]
async fn what_can_not_be_a_rule_is_refused_with_what_would() {
    let server = Running::start().await;
    for (body, kind, says) in WRONG {
        is_refused(
            server.put("/api/alert-rules/a", body).await,
            422,
            kind,
            &[says],
        );
    }
    let fine = r#"{"kind": "check", "check": "*"}"#;
    for name in [" a", &"a".repeat(61)] {
        let path = format!("/api/alert-rules/{}", escape(name));
        is_refused(server.put(&path, fine).await, 422, "bad_alert_rule", &[]);
    }
    assert_eq!(server.get("/api/alert-rules").await.1, json!([]));
    for path in ["a", "a%00b"] {
        let path = format!("/api/alert-rules/{path}");
        is_refused(server.get(&path).await, 404, "not_found", &[]);
        let gone = answer(server.request("DELETE", &path)).await;
        is_refused(gone, 404, "not_found", &["GET /api/alert-rules"]);
        let test = server.post(&format!("{path}/test"), "").await;
        is_refused(test, 404, "not_found", &[]);
    }
    rule(&server, "a", &serde_json::from_str(fine).unwrap()).await;
    let test = server.post("/api/alert-rules/a/test", "").await;
    is_refused(test, 409, "no_webhook", &["Give it one first"]);
    is_refused(
        server.get("/api/alerts?state=late").await,
        400,
        "bad_query",
        &[],
    );
}

#[tokio::test]
async fn a_rule_is_on_record_and_its_secret_nowhere() {
    let server = Running::start().await;
    let with = json!({"kind": "faulted", "read_model": "*", "webhook": "https://hooks.example/T0/sesame",
        "secret": SECRET, "reason": "nobody looks at night"});
    let name = escape("at night / EU");
    let path = format!("/api/alert-rules/{name}");
    let (status, made) = server.put(&path, with.to_string()).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["name"], &made["signed"], &made["made_by"]),
        (&json!("at night / EU"), &json!(true), &json!("local"))
    );
    // Without the secret it stays; an empty one takes it away.
    let mut again = json!({"kind": "faulted", "read_model": "orders", "webhook": "https://hooks.example/T0/sesame"});
    let (status, kept) = server.put(&path, again.to_string()).await;
    assert_eq!((status.as_u16(), &kept["signed"]), (200, &json!(true)));
    again["secret"] = json!("");
    let (_, bare) = server.put(&path, again.to_string()).await;
    assert_eq!(bare["signed"], json!(false));
    let (_, actions) = server.get("/api/actions?action=define_alert_rule").await;
    let actions = actions.as_array().unwrap();
    assert_eq!(actions.len(), 3);
    assert_eq!(actions[2]["reason"], "nobody looks at night");
    assert_eq!(actions[2]["after"]["webhook"], "https://hooks.example");
    assert_eq!(
        (
            &actions[1]["before"]["fires"],
            &actions[1]["after"]["fires"]
        ),
        (
            &json!("any read model stands on a failed event"),
            &json!("orders stands on a failed event")
        )
    );
    let told = Value::from(actions.clone()).to_string();
    assert!(!told.contains("sesame"), "{told}");
    for said in [made, kept, server.get("/api/alert-rules").await.1] {
        assert!(!said.to_string().contains(SECRET), "{said}");
    }
    let remove = server.request("DELETE", &format!("{path}?reason=moved"));
    assert_eq!(answer(remove).await.0, 204);
    is_refused(server.get(&path).await, 404, "not_found", &[]);
}

#[tokio::test]
async fn who_may_not_write_rules_sees_no_more_of_a_webhook_than_its_host() {
    let (server, admin) = with_admin().await;
    let viewer = user(&server, &admin, "ada", "viewer").await;
    let whole = "https://hooks.example/T0/sesame";
    let body = json!({"kind": "faulted", "read_model": "*", "webhook": whole});
    let path = "/api/alert-rules/faulted";
    let (status, made) = admin.send(&server, "PUT", path, body.clone()).await;
    assert_eq!((status.as_u16(), &made["webhook"]), (201, &json!(whole)));
    let (_, seen) = viewer.get(&server, path).await;
    assert_eq!(seen["webhook"], "https://hooks.example");
    let (_, list) = viewer.get(&server, "/api/alert-rules").await;
    assert_eq!(list[0]["webhook"], "https://hooks.example");
    let (status, _) = viewer.send(&server, "PUT", path, body).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_test_says_what_the_webhook_said() {
    let (server, webhook) = (Running::start().await, Webhook::start().await);
    let of =
        |url: String| json!({"kind": "mark_age", "seconds": 10, "webhook": url, "secret": SECRET});
    rule(&server, "held", &of(webhook.url())).await;
    let test = async || server.post("/api/alert-rules/held/test", "").await;
    webhook.answers(200);
    let (status, said) = test().await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(
        (&said["taken"], &said["status"], &said["said"]),
        (&json!(true), &json!(200), &json!("heard"))
    );
    let told = webhook.taken();
    assert!(told[0].is_signed_by(SECRET));
    let event = told[0].event();
    assert_eq!(event["type"], "highwater.alert.test");
    let words = event["data"]["words"].as_str().unwrap();
    assert!(
        words.contains("the mark is held for more than 10 s"),
        "{words}"
    );
    webhook.answers(307);
    let (_, said) = test().await;
    assert_eq!(
        (&said["taken"], &said["status"]),
        (&json!(false), &json!(307)),
        "no redirect is followed"
    );
    // Nobody listens there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/sesame", listener.local_addr().unwrap());
    drop(listener);
    rule(&server, "held", &of(nobody)).await;
    let (_, said) = test().await;
    let words = said["said"].as_str().unwrap();
    assert!(
        words.starts_with("it could not be reached") && !words.contains("sesame"),
        "{said}"
    );
    assert_eq!(said["status"], json!(null));
    let (_, actions) = server.get("/api/actions?action=test_alert_rule").await;
    assert_eq!(actions.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_preview_tells_by_the_history_how_often_and_for_how_long() {
    let server = Running::start().await;
    put(&server, "totals", TOTALS).await;
    let mut database = PgConnection::connect(&server.database_url).await.unwrap();
    // Ten minutes at 90 s, three hours ago; one minute at 200 s, five hours ago; and an hour at 10 s.
    for (ago, minutes, seconds) in [(180, 10, 90), (300, 1, 200), (120, 60, 10)] {
        let plant = format!(
            "insert into highwater.lag_history (version_id, step, at, positions, matching, capped, seconds, handled)
             select v.version_id, 60, date_trunc('minute', now()) - interval '{ago} minutes' + n * interval '1 minute', 5, 5, false, {seconds},
               case when {minutes} = 60 then 100 + n else {ago} end
             from highwater.read_model_versions v cross join generate_series(0, {minutes} - 1) n"
        );
        database.execute(sqlx::AssertSqlSafe(plant)).await.unwrap();
    }
    let preview = async |body: Value| {
        let (status, found) = server
            .post("/api/alert-rules/preview", body.to_string())
            .await;
        assert_eq!(status, 200, "{found}");
        found
    };
    let lag = |seconds: i64, for_s: i64| json!({"kind": "lag_seconds", "read_model": "tot*", "seconds": seconds, "for_s": for_s});
    let once = preview(lag(60, 120)).await;
    assert_eq!(
        (&once["history"], &once["fires"], &once["seconds"]),
        (&json!(true), &json!(1), &json!(480)),
        "{once}"
    );
    let episode = &once["episodes"][0];
    assert_eq!(
        (&episode["subject"], &episode["worst"]),
        (&json!("totals"), &json!(90.0))
    );
    let words = once["words"].as_str().unwrap();
    assert!(words.contains("the worst of each minute"), "{words}");
    let twice = preview(lag(60, 0)).await;
    assert_eq!(
        (&twice["fires"], &twice["seconds"]),
        (&json!(2), &json!(660))
    );
    assert_eq!(
        twice["episodes"][1]["worst"],
        json!(200.0),
        "the newest first"
    );
    assert_eq!(preview(lag(500, 0)).await["fires"], 0);
    // What handles something, however far behind, does not stand still.
    let stalled =
        |seconds: i64| json!({"kind": "stalled", "read_model": "totals", "seconds": seconds});
    assert_eq!(preview(stalled(300)).await["fires"], 1);
    assert_eq!(preview(stalled(600)).await["fires"], 0);

    let nobody = preview(json!({"kind": "lag_seconds", "read_model": "x*", "seconds": 5})).await;
    assert_eq!(nobody["words"], "No read model is called x*.");
    for (body, says) in [
        (
            json!({"kind": "faulted", "read_model": "*"}),
            "stood on failed events",
        ),
        (
            json!({"kind": "lag_seconds", "subscription": "*", "seconds": 5}),
            "subscriptions",
        ),
        (json!({"kind": "mark_age", "seconds": 5}), "the mark"),
        (json!({"kind": "check", "check": "*"}), "checks"),
    ] {
        let found = preview(body).await;
        assert_eq!(
            (&found["history"], &found["fires"]),
            (&json!(false), &json!(0))
        );
        let words = found["words"].as_str().unwrap();
        assert!(
            words.contains("No history") && words.contains(says),
            "{words}"
        );
    }
    is_refused(
        server.post("/api/alert-rules/preview", "{}").await,
        422,
        "bad_fields",
        &[],
    );
}
