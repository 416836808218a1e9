//! A second person: an order that production confirms is kept, and carried out once another user has agreed to it.

use std::process::Command;

use highwater_model::CONFIRM_HEADER;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::identity::{Browser, PASSWORD, first_admin, token, user};
use crate::refused::is_refused;
use crate::running::{Running, answer};

const MAILER: &str = "/api/subscriptions/mailer";

/// A server with a subscription, its admin, and two operators.
struct Place {
    server: Running,
    root: Browser,
    ada: Browser,
    grace: Browser,
}

impl Place {
    async fn new() -> Self {
        let server = Running::with_approval().await;
        let root = first_admin(&server).await;
        let ada = user(&server, &root, "ada", "operator").await;
        let grace = user(&server, &root, "grace", "operator").await;
        let place = Self {
            server,
            root,
            ada,
            grace,
        };
        place.has_mailer().await;
        place
    }

    async fn has_mailer(&self) {
        let made = self.root.send(&self.server, "PUT", MAILER, json!({})).await;
        assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
    }

    async fn is_there(&self) -> bool {
        self.root.get(&self.server, MAILER).await.0 == StatusCode::OK
    }

    /// Ada asks for the subscription to be removed: the number of that.
    async fn asked(&self) -> i64 {
        let (status, kept) = answer(remove(&self.ada, &self.server)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{kept}");
        kept["id"].as_i64().unwrap()
    }

    async fn decide(&self, who: &Browser, id: i64, how: &str) -> (StatusCode, Value) {
        let path = format!("/api/approvals/{id}/{how}");
        let body = json!({"comment": "seen"});
        who.send(&self.server, "POST", &path, body).await
    }

    async fn one(&self, who: &Browser, id: i64) -> Value {
        let path = format!("/api/approvals/{id}");
        let (status, one) = who.get(&self.server, &path).await;
        assert_eq!(status, StatusCode::OK, "{one}");
        one
    }

    /// Changes the store behind the server's back: the clock.
    async fn in_sql(&self, sql: &'static str) {
        let mut connection = PgConnection::connect(&self.server.database_url)
            .await
            .unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }

    /// Actions of a kind.
    async fn actions(&self, kind: &str) -> Vec<Value> {
        let path = format!("/api/actions?action={kind}");
        let (_, actions) = self.root.get(&self.server, &path).await;
        actions.as_array().unwrap().clone()
    }
}

/// Another server is another place for a browser.
async fn log_in(server: &Running, name: &str) -> Browser {
    let body = json!({"name": name, "password": PASSWORD});
    let request = server.request("POST", "/api/session").json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    Browser::with(cookie.split(';').next().unwrap())
}

/// The order that all of these tests are about, confirmed.
fn remove(who: &Browser, server: &Running) -> RequestBuilder {
    let request = who.request(
        server,
        "DELETE",
        &format!("{MAILER}?reason=nobody%20reads%20it"),
    );
    request.header(CONFIRM_HEADER, "mailer")
}

#[tokio::test]
async fn an_order_is_kept_and_nothing_happens() {
    let place = Place::new().await;
    let (server, ada) = (&place.server, &place.ada);
    let unconfirmed = answer(ada.request(server, "DELETE", MAILER)).await;
    is_refused(unconfirmed, 428, "confirmation_needed", &["mailer"]);
    let response = remove(ada, server).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let at = response.headers()["location"].to_str().unwrap().to_owned();
    let kept: Value = response.json().await.unwrap();
    assert_eq!(at, format!("/api/approvals/{}", kept["id"]));
    for (name, expected) in [
        ("state", json!("open")),
        ("asked_by", json!("ada")),
        ("method", json!("DELETE")),
        ("subject", json!("mailer")),
        ("needs", json!(["operate"])),
        ("reason", json!("nobody reads it")),
        ("is_mine", json!(true)),
        ("may_decide", json!(false)),
    ] {
        assert_eq!(kept[name], expected, "{kept}");
    }
    assert!(place.is_there().await);
    // Pressed twice it is asked for once.
    assert_eq!(Some(place.asked().await), kept["id"].as_i64());
    let (_, all) = place.grace.get(server, "/api/approvals").await;
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(all[0]["may_decide"], true);
    // What can't be read is not kept.
    let path = "/api/subscriptions/mailer/skip";
    let request = ada.request(server, "POST", path);
    let request = request.header(CONFIRM_HEADER, "mailer").body("{");
    is_refused(answer(request).await, 400, "bad_json", &[]);
}

#[tokio::test]
async fn another_user_who_may_agrees_and_it_happens_with_both_names_on_record() {
    let place = Place::new().await;
    let id = place.asked().await;
    let (status, done) = place.decide(&place.grace, id, "approve").await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(done["approval"]["state"], "done");
    assert_eq!(done["approval"]["status"], 204);
    assert!(!place.is_there().await);
    let seen = place.one(&place.ada, id).await;
    assert_eq!(
        (&seen["state"], &seen["decided_by"], &seen["comment"]),
        (&json!("done"), &json!("grace"), &json!("seen"))
    );
    let removed = &place.actions("remove").await[0];
    assert_eq!(removed["actor"], "ada");
    assert_eq!(removed["reason"], "nobody reads it");
    assert_eq!(removed["after"]["approved_by"], "grace");
    assert_eq!(removed["after"]["approval"], id);
    let approved = &place.actions("approve").await[0];
    assert_eq!(approved["actor"], "grace");
    assert_eq!(approved["after"]["asked_by"], "ada");
    assert_eq!(approved["after"]["order"], format!("DELETE {MAILER}"));
    assert_eq!(place.actions("ask_approval").await[0]["actor"], "ada");
    // It is over.
    let again = place.decide(&place.grace, id, "approve").await;
    is_refused(again, 409, "refused", &["done", "grace"]);
    let again = place.decide(&place.grace, id, "decline").await;
    is_refused(again, 409, "refused", &["done"]);
}

#[tokio::test]
async fn who_asked_their_tokens_and_who_may_not_do_it_can_not_agree() {
    let place = Place::new().await;
    let (server, root) = (&place.server, &place.root);
    let viewer = user(server, root, "vera", "viewer").await;
    let id = place.asked().await;
    for how in ["approve", "decline"] {
        let own = place.decide(&place.ada, id, how).await;
        is_refused(own, 403, "not_allowed", &["another person"]);
        let may_not = place.decide(&viewer, id, how).await;
        is_refused(may_not, 403, "not_allowed", &["operator"]);
        let name = format!("program-{how}");
        let (_, secret) = token(server, root, &name, &["operate"]).await;
        let request = server.request("POST", &format!("/api/approvals/{id}/{how}"));
        let program = answer(request.bearer_auth(secret)).await;
        is_refused(program, 403, "not_allowed", &["a program can't"]);
    }
    // What a program asks for, its maker does not agree to.
    let (_, secret) = token(server, root, "ci", &["operate"]).await;
    let path = format!("{MAILER}?reason=unused");
    let request = server.request("DELETE", &path).bearer_auth(&secret);
    let (status, kept) = answer(request.header(CONFIRM_HEADER, "mailer")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{kept}");
    assert_eq!(
        (&kept["asked_by"], &kept["person"]),
        (&json!("token:ci"), &json!("root"))
    );
    let of_program = kept["id"].as_i64().unwrap();
    let maker = place.decide(root, of_program, "approve").await;
    is_refused(maker, 403, "not_allowed", &["a token of yours"]);
    // Grace may hold the token herself.
    let holder = place.decide(&place.grace, of_program, "approve").await;
    is_refused(holder, 403, "not_allowed", &["an admin other than"]);
    // The program follows its own, and sees no other.
    let own = server.request("GET", "/api/approvals").bearer_auth(&secret);
    let (_, own) = answer(own).await;
    assert_eq!(own.as_array().unwrap().len(), 1, "{own}");
    assert_eq!(own[0]["id"], of_program);
    let other = server.request("GET", &format!("/api/approvals/{id}"));
    is_refused(
        answer(other.bearer_auth(&secret)).await,
        404,
        "not_found",
        &[],
    );
    assert!(place.is_there().await);
    let second = user(server, root, "second", "admin").await;
    let (status, done) = place.decide(&second, of_program, "approve").await;
    assert_eq!(
        (status, &done["approval"]["state"]),
        (StatusCode::OK, &json!("done"))
    );
    assert_eq!(place.actions("remove").await[0]["actor"], "token:ci");
}

#[tokio::test]
async fn a_token_that_has_leaked_is_revoked_by_one_admin_at_once() {
    let place = Place::new().await;
    let (server, root) = (&place.server, &place.root);
    let (id, secret) = token(server, root, "ci", &["read"]).await;
    let path = format!("/api/tokens/{id}");
    let unconfirmed = answer(root.request(server, "DELETE", &path)).await;
    is_refused(unconfirmed, 428, "confirmation_needed", &[]);
    let request = root.request(server, "DELETE", &path);
    let revoked = answer(request.header(CONFIRM_HEADER, id.to_string())).await;
    assert_eq!(revoked.0, StatusCode::NO_CONTENT, "{}", revoked.1);
    let late = server.request("GET", "/api/approvals").bearer_auth(secret);
    is_refused(answer(late).await, 401, "bad_token", &[]);
}

#[tokio::test]
async fn what_nobody_could_read_or_is_too_much_of_one_person_does_not_wait() {
    let place = Place::new().await;
    let (server, ada) = (&place.server, &place.ada);
    let path = "/api/subscriptions/mailer/skip";
    let long = json!({"reason": "x".repeat(257 << 10)});
    let request = ada.request(server, "POST", path).json(&long);
    let request = request.header(CONFIRM_HEADER, "mailer");
    is_refused(answer(request).await, 413, "body_too_large", &["256 KiB"]);
    place
        .in_sql(
            "insert into highwater.approvals (asked_by, person, expires_at, method, path, body, subject, needs)
             select 'ada', 'ada', clock_timestamp() + interval '1 hour', 'POST', '/api/x/' || i, '{\"i\": 1}', 'x', '{operate}'
             from generate_series(1, 50) i",
        )
        .await;
    let full = answer(remove(ada, server)).await;
    is_refused(full, 409, "refused", &["of ada"]);
    // Others go on.
    let (status, kept) = answer(remove(&place.grace, server)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{kept}");
    // Who counts them is not sent what they send.
    let (_, open) = ada.get(server, "/api/approvals?open=true").await;
    let open = open.as_array().unwrap();
    assert_eq!(open.len(), 51);
    assert!(open.iter().all(|one| one.get("body").is_none()));
}

#[tokio::test]
async fn who_is_made_anew_by_the_same_name_has_not_asked() {
    let place = Place::new().await;
    let id = place.asked().await;
    place
        .in_sql(
            "update highwater.users set created_at = clock_timestamp() + interval '1 second' where name = 'ada'",
        )
        .await;
    let (status, done) = place.decide(&place.grace, id, "approve").await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(done["approval"]["state"], "failed", "{done}");
    assert!(place.is_there().await);
}

#[tokio::test]
async fn of_two_who_agree_at_once_at_two_servers_one_does_it() {
    let place = Place::new().await;
    let other = place.server.approving_beside().await;
    let root = log_in(&other, "root").await;
    for _ in 0..5 {
        let id = place.asked().await;
        let path = format!("/api/approvals/{id}/approve");
        let (one, another) = tokio::join!(
            place.grace.send(&place.server, "POST", &path, json!({})),
            root.send(&other, "POST", &path, json!({})),
        );
        let mut statuses = [one.0, another.0];
        statuses.sort_unstable();
        let expected = [StatusCode::OK, StatusCode::CONFLICT];
        assert_eq!(statuses, expected, "{} {}", one.1, another.1);
        assert!(!place.is_there().await);
        place.has_mailer().await;
    }
    assert_eq!(place.actions("remove").await.len(), 5);
}

#[tokio::test]
async fn what_is_declined_withdrawn_or_too_old_never_happens() {
    let place = Place::new().await;
    let declined = place.asked().await;
    let (status, now) = place.decide(&place.grace, declined, "decline").await;
    assert_eq!(
        (status, &now["state"]),
        (StatusCode::OK, &json!("declined"))
    );
    assert_eq!(place.actions("decline").await[0]["reason"], "seen");

    let withdrawn = place.asked().await;
    let path = format!("/api/approvals/{withdrawn}");
    let not_theirs = answer(place.grace.request(&place.server, "DELETE", &path)).await;
    is_refused(not_theirs, 403, "not_allowed", &["ada"]);
    let gone = answer(place.ada.request(&place.server, "DELETE", &path)).await;
    assert_eq!(gone.0, StatusCode::NO_CONTENT);

    let expired = place.asked().await;
    place
        .in_sql(
            "update highwater.approvals set expires_at = clock_timestamp() where state = 'open'",
        )
        .await;
    for (id, state) in [
        (declined, "declined"),
        (withdrawn, "withdrawn"),
        (expired, "expired"),
    ] {
        assert_eq!(place.one(&place.ada, id).await["state"], state);
        let late = place.decide(&place.grace, id, "approve").await;
        is_refused(late, 409, "refused", &[state]);
    }
    assert!(place.is_there().await);
    // Those that wait stand first.
    let open = place.asked().await;
    let (_, all) = place.grace.get(&place.server, "/api/approvals").await;
    let ids: Vec<i64> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, [open, expired, withdrawn, declined]);
}

#[tokio::test]
async fn what_the_one_who_asked_may_no_longer_do_is_refused_and_said() {
    let place = Place::new().await;
    let (server, root) = (&place.server, &place.root);
    for (change, words) in [
        (
            json!({"role": "viewer", "disabled": false}),
            "ada is viewer",
        ),
        (
            json!({"role": "operator", "disabled": true}),
            "can't get in any more",
        ),
    ] {
        let id = place.asked().await;
        let (status, changed) = root.send(server, "PUT", "/api/users/ada", change).await;
        assert_eq!(status, StatusCode::OK, "{changed}");
        let (status, done) = place.decide(&place.grace, id, "approve").await;
        assert_eq!(status, StatusCode::OK, "{done}");
        assert_eq!(done["approval"]["state"], "failed", "{done}");
        let said = done["approval"]["said"].as_str().unwrap();
        assert!(said.contains(words), "{said}");
        assert!(place.is_there().await);
        let back = json!({"role": "operator", "disabled": false});
        root.send(server, "PUT", "/api/users/ada", back).await;
    }
}

#[tokio::test]
async fn what_the_order_is_refused_with_is_kept() {
    let place = Place::new().await;
    let id = place.asked().await;
    place
        .in_sql("delete from highwater.subscriptions where name = 'mailer'")
        .await;
    let (status, done) = place.decide(&place.grace, id, "approve").await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let seen = place.one(&place.ada, id).await;
    assert_eq!(
        (&seen["state"], &seen["status"]),
        (&json!("failed"), &json!(404))
    );
    assert!(seen["said"].as_str().unwrap().contains("mailer"), "{seen}");
}

#[tokio::test]
async fn what_a_server_died_with_is_not_done_again_and_its_outcome_is_unknown() {
    let place = Place::new().await;
    let id = place.asked().await;
    place
        .in_sql(
            "update highwater.approvals set state = 'carrying_out', decided_by = 'grace', decided_at = clock_timestamp() - interval '1 hour'",
        )
        .await;
    assert_eq!(place.one(&place.ada, id).await["state"], "unknown");
    let again = place.decide(&place.grace, id, "approve").await;
    is_refused(again, 409, "refused", &["unknown"]);
    assert!(place.is_there().await);
}

#[tokio::test]
async fn a_new_link_of_a_user_is_told_to_who_agreed_and_kept_nowhere() {
    let place = Place::new().await;
    let (server, root) = (&place.server, &place.root);
    let second = user(server, root, "second", "admin").await;
    let request = root.request(server, "POST", "/api/users/ada/invite");
    let (status, kept) = answer(request.header(CONFIRM_HEADER, "ada")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{kept}");
    let id = kept["id"].as_i64().unwrap();
    let operator = place.decide(&place.grace, id, "approve").await;
    is_refused(operator, 403, "not_allowed", &["admin"]);
    let (_, done) = place.decide(&second, id, "approve").await;
    let link = done["answer"]["path"].as_str().unwrap();
    let key = link.strip_prefix("/join?key=").unwrap();
    for who in [root, &second] {
        assert!(!place.one(who, id).await.to_string().contains(key));
        let (_, actions) = who.get(server, "/api/actions").await;
        assert!(!actions.to_string().contains(key));
    }
}

#[tokio::test]
async fn the_console_is_told_whether_orders_wait() {
    let server = Running::with_approval().await;
    let (_, who) = server.get("/api/session").await;
    assert_eq!(who["approvals"], true);
    let (_, who) = Running::with_login().await.get("/api/session").await;
    assert!(who.get("approvals").is_none(), "{who}");
}

#[tokio::test]
async fn a_start_that_can_not_have_two_people_is_refused() {
    for (more, words) in [
        (&["--login=password"][..], "--production"),
        (&["--production"][..], "--login=password"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--approval"]);
        command.args(more);
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
        let ended = ended.unwrap();
        assert!(!ended.status.success());
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(told.contains(words), "{told}");
    }
}
