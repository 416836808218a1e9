//! How users and tokens are put out again.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio_tungstenite::tungstenite::Message;

use crate::identity::{PASSWORD, log_in, session, token, user, with_admin};
use crate::support::socket::{Socket, hear, open_as, say};

async fn is_closed_out(socket: &mut Socket) {
    let closed = async {
        loop {
            if let Some(Ok(Message::Close(frame))) = socket.next().await {
                return frame.unwrap();
            }
        }
    };
    let frame = tokio::time::timeout(Duration::from_secs(10), closed).await;
    assert_eq!(u16::from(frame.unwrap().code), 4401);
}

#[tokio::test]
async fn who_is_put_out_is_out_at_once_in_everything_they_have_open() {
    let (server, admin) = with_admin().await;
    let ada = user(&server, &admin, "ada", "operator").await;
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(format!(
            "ws://{}/api/live",
            server.address
        ))
        .unwrap();
    request
        .headers_mut()
        .insert("cookie", ada.cookie().parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    say(&mut socket, &json!({"subscribe": "mark", "id": 1}))
        .await
        .unwrap();
    hear(&mut socket).await.unwrap().unwrap();

    let body = json!({"role": "operator", "disabled": true});
    let (status, changed) = admin.send(&server, "PUT", "/api/users/Ada", body).await;
    assert_eq!(
        (status, &changed["disabled"]),
        (StatusCode::OK, &json!(true))
    );
    assert_eq!(
        ada.get(&server, "/api/events").await.0,
        StatusCode::UNAUTHORIZED
    );
    is_closed_out(&mut socket).await;
    assert_eq!(
        log_in(&server, "ada", PASSWORD).await.status(),
        StatusCode::UNAUTHORIZED
    );

    // Back in, with less to do.
    let body = json!({"role": "viewer", "disabled": false});
    admin.send(&server, "PUT", "/api/users/ada", body).await;
    let ada = session(&log_in(&server, "ada", PASSWORD).await);
    let (_, who) = ada.get(&server, "/api/session").await;
    assert_eq!(who["rights"], json!(["watch", "look", "read"]));

    // What happens in SQL, or at another server, counts as well, a moment later.
    let mut sql = PgConnection::connect(&server.database_url).await.unwrap();
    sqlx::query("delete from highwater.sessions where user_id = (select user_id from highwater.users where name = 'ada')")
        .execute(&mut sql)
        .await
        .unwrap();
    let until = tokio::time::Instant::now() + Duration::from_secs(8);
    while ada.get(&server, "/api/events").await.0 != StatusCode::UNAUTHORIZED {
        assert!(tokio::time::Instant::now() < until, "it is never learned");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, _) = admin
        .send(&server, "DELETE", "/api/users/ada", json!(null))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, actions) = admin.get(&server, "/api/actions?limit=100").await;
    let kinds: Vec<&str> = actions["actions"]
        .as_array()
        .or(actions.as_array())
        .unwrap()
        .iter()
        .map(|action| action["action"].as_str().unwrap())
        .collect();
    for kind in [
        "join",
        "log_in",
        "invite_user",
        "change_user",
        "remove_user",
    ] {
        assert!(kinds.contains(&kind), "{kind} of {kinds:?}");
    }
}

#[tokio::test]
async fn an_admin_remains() {
    let (server, admin) = with_admin().await;
    let viewer = json!({"role": "viewer"});
    let disabled = json!({"role": "admin", "disabled": true});
    for (method, path, body) in [
        ("PUT", "/api/users/root", viewer.clone()),
        ("PUT", "/api/users/root", disabled),
        ("DELETE", "/api/users/root", json!(null)),
        ("POST", "/api/users/root/invite", json!(null)),
    ] {
        let (status, problem) = admin.send(&server, method, path, body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{method} {path}: {problem}");
    }
    // Two admins who remove each other at once: one of them stays.
    let other = user(&server, &admin, "other", "admin").await;
    let (one, two) = tokio::join!(
        admin.send(&server, "PUT", "/api/users/other", viewer.clone()),
        other.send(&server, "PUT", "/api/users/root", viewer),
    );
    let done = [one.0, two.0]
        .iter()
        .filter(|status| status.is_success())
        .count();
    assert_eq!(done, 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn a_token_may_what_it_may_until_it_is_revoked() {
    let (server, admin) = with_admin().await;
    let (_, reader) = token(&server, &admin, "reader", &["read"]).await;
    let (id, member) = token(&server, &admin, "member", &["subscribe"]).await;

    let mut socket = open_as(&server.address, Some(&reader)).await.unwrap();
    say(
        &mut socket,
        &json!({"subscribe": "events", "id": 1, "after": "head"}),
    )
    .await
    .unwrap();
    assert!(hear(&mut socket).await.unwrap().unwrap()["caught_up"].is_i64());
    say(
        &mut socket,
        &json!({"subscribe": "subscription", "id": 2, "name": "mailer"}),
    )
    .await
    .unwrap();
    let refused = loop {
        let said = hear(&mut socket).await.unwrap().unwrap();
        if said.get("error").is_some() {
            break said;
        }
    };
    assert_eq!(refused["error"]["status"], 403, "{refused}");

    let mut socket = open_as(&server.address, Some(&member)).await.unwrap();
    say(
        &mut socket,
        &json!({"subscribe": "events", "id": 1, "after": "head"}),
    )
    .await
    .unwrap();
    let refused = hear(&mut socket).await.unwrap().unwrap();
    assert_eq!(refused["error"]["status"], 403, "{refused}");
    let path = format!("/api/tokens/{id}");
    let (status, _) = admin.send(&server, "DELETE", &path, json!(null)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    is_closed_out(&mut socket).await;
    assert!(open_as(&server.address, Some(&member)).await.is_err());

    for bad in [
        json!({"name": "x", "rights": [], "days": 1}),
        json!({"name": "x", "rights": ["read"], "days": 0}),
        json!({"name": "x", "rights": ["read"], "days": 367}),
        json!({"name": "two words", "rights": ["read"], "days": 1}),
        json!({"name": "x", "rights": ["fly"], "days": 1}),
    ] {
        let (status, problem) = admin
            .send(&server, "POST", "/api/tokens", bad.clone())
            .await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}: {problem}");
    }
    let taken = json!({"name": "READER", "rights": ["read"], "days": 1});
    let (status, _) = admin.send(&server, "POST", "/api/tokens", taken).await;
    assert_eq!(status, StatusCode::CONFLICT);
}
