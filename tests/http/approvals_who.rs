//! A second person: who is one, and as whom the order is carried out.

use highwater_model::CONFIRM_HEADER;
use reqwest::StatusCode;
use serde_json::json;

use crate::approvals_place::{MAILER, Place};
use crate::identity::{token, user};
use crate::refused::is_refused;
use crate::running::answer;

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
