//! A second person: an order that production confirms is kept, and carried out once another user has agreed to it.

use std::process::Command;

use highwater_model::CONFIRM_HEADER;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::approvals_place::{MAILER, Place, remove};
use crate::identity::token;
use crate::refused::is_refused;
use crate::running::{Running, answer};

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
