//! Logging in at a provider of OpenID Connect: what keeps somebody out, and what is said of it.

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::identity::token;
use crate::oidc_provider::{Twist, options};
use crate::oidc_visitor::{Visitor, logged_in, place, with_provider};
use crate::running::Running;

#[tokio::test]
async fn who_is_in_no_group_of_a_role_is_told_which_groups_were_seen() {
    let (server, provider) = with_provider().await;
    provider.knows("1", "<i>mallory", &["guests", "<script>"]);
    let mut visitor = Visitor::new();
    let response = visitor.logs_in(&server).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(visitor.kept.is_empty(), "{:?}", visitor.kept);
    let page = response.text().await.unwrap();
    for words in [
        "<code>guests</code>",
        "&lt;script&gt;",
        "&lt;i&gt;mallory",
        "--oidc-role",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("<script>"), "{page}");

    provider.knows("1", "mallory", &[]);
    let page = visitor.logs_in(&server).await.text().await.unwrap();
    assert!(page.contains("<code>groups</code> is empty"), "{page}");
    let admin = logged_in(&server, &provider, "2", "ada", &["hw-admins"]).await;
    let (_, users) = admin.browser().get(&server, "/api/users").await;
    assert_eq!(users.as_array().unwrap().len(), 1, "{users}");
}

#[tokio::test]
async fn only_the_browser_that_began_a_login_ends_it_and_once() {
    let (server, provider) = with_provider().await;
    provider.knows("1", "ada", &["staff"]);
    let mut ada = Visitor::new();
    let back = ada.comes_back(&server, "").await;
    let stale = "/login?failed=stale";

    // Without its cookie, and with that of another login.
    let mut other = Visitor::new();
    assert_eq!(place(&other.go(&back).await), stale);
    other.comes_back(&server, "").await;
    assert_eq!(place(&other.go(&back).await), stale);
    assert!(other.who(&server).await["name"].is_null());

    // An answer to something else uses nothing up.
    let (before, _) = back.split_once("state=").unwrap();
    let callback = format!("http://{}/login/oidc/callback", server.address);
    for wrong in [
        format!("{before}state=0&code=1"),
        callback.clone(),
        format!("{callback}?state=%ff&state="),
    ] {
        assert_eq!(place(&ada.go(&wrong).await), stale, "{wrong}");
    }
    let mut again = ada.clone();
    assert_eq!(place(&ada.go(&back).await), "/");
    assert_eq!(ada.who(&server).await["name"], "ada");
    assert_eq!(place(&again.go(&back).await), stale);
    assert!(again.who(&server).await["name"].is_null());

    // One that has taken too long.
    let mut late = Visitor::new();
    let back = late.comes_back(&server, "").await;
    let mut sql = PgConnection::connect(&server.database_url).await.unwrap();
    sqlx::query("update highwater.begun_logins set expires_at = now() - interval '1 second'")
        .execute(&mut sql)
        .await
        .unwrap();
    assert_eq!(place(&late.go(&back).await), stale);
}

#[tokio::test]
async fn what_the_provider_signs_has_to_be_right() {
    let (server, provider) = with_provider().await;
    provider.knows("1", "ada", &["hw-admins"]);
    for twist in [
        Twist::WrongNonce,
        Twist::WrongAudience,
        Twist::WrongIssuer,
        Twist::Expired,
        Twist::BadSignature,
        Twist::UnknownKey,
        Twist::NoIdToken,
    ] {
        provider.twist(Some(twist));
        let mut visitor = Visitor::new();
        let response = visitor.logs_in(&server).await;
        assert_eq!(place(&response), "/login?failed=answer", "{twist:?}");
        assert!(visitor.kept.is_empty(), "{twist:?}");
    }
    provider.twist(None);
    let response = Visitor::new().logs_in(&server).await;
    assert_eq!(place(&response), "/", "nothing else was wrong");
}

#[tokio::test]
async fn what_the_provider_refuses_is_said() {
    let (server, provider) = with_provider().await;
    provider.twist(Some(Twist::Denied));
    let mut visitor = Visitor::new();
    let back = visitor.comes_back(&server, "?next=/flows").await;
    let denied = place(&visitor.go(&back).await);
    assert_eq!(denied, "/login?failed=denied&next=/flows");
    // Anything else that it may say.
    let back = visitor.comes_back(&server, "").await;
    let back = back.replace("access_denied", "invalid_scope");
    assert_eq!(place(&visitor.go(&back).await), "/login?failed=answer");
    provider.twist(None);
    let back = visitor.comes_back(&server, "").await;
    let another = format!("{back}&iss=https://another.example");
    assert_eq!(place(&visitor.go(&another).await), "/login?failed=answer");
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_nobody_out_for_ever() {
    // Nothing listens there; the server starts all the same.
    let server = Running::with_provider(options("http://127.0.0.1:1")).await;
    let begin = format!("http://{}/login/oidc?next=/flows", server.address);
    let failed = "/login?failed=provider&next=/flows";
    assert_eq!(place(&Visitor::new().go(&begin).await), failed);

    let (server, provider) = with_provider().await;
    provider.knows("1", "ada", &["staff"]);
    provider.goes_down(true);
    let begin = format!("http://{}/login/oidc?next=/flows", server.address);
    let mut visitor = Visitor::new();
    assert_eq!(place(&visitor.go(&begin).await), failed);
    assert!(visitor.kept.is_empty());
    provider.goes_down(false);
    let back = visitor.comes_back(&server, "?next=/flows").await;
    assert_eq!(place(&visitor.go(&back).await), "/flows");

    // It goes while somebody is there.
    let mut other = Visitor::new();
    let back = other.comes_back(&server, "").await;
    provider.goes_down(true);
    let response = other.go(&back).await;
    assert!(place(&response).starts_with("/login?failed="));
    assert!(other.who(&server).await["name"].is_null());
}

#[tokio::test]
async fn who_is_disabled_stays_out_and_who_is_removed_begins_anew() {
    let (server, provider) = with_provider().await;
    let ada = logged_in(&server, &provider, "1", "ada", &["staff"]).await;
    let admin = logged_in(&server, &provider, "2", "grace", &["hw-admins"]).await;
    let admin = admin.browser();
    let body = json!({"role": "viewer", "disabled": true});
    let (status, _) = admin.send(&server, "PUT", "/api/users/ada", body).await;
    assert_eq!(status, StatusCode::OK);
    assert!(ada.who(&server).await["name"].is_null());
    provider.knows("1", "ada", &["hw-admins"]);
    let refused = Visitor::new().logs_in(&server).await;
    assert_eq!(place(&refused), "/login?failed=disabled");
    let (_, users) = admin.get(&server, "/api/users").await;
    assert_eq!(users[0]["role"], "viewer", "{users}");

    let gone = admin.send(&server, "DELETE", "/api/users/ada", json!(null));
    assert_eq!(gone.await.0, StatusCode::NO_CONTENT);
    let again = logged_in(&server, &provider, "1", "ada", &["staff"]).await;
    assert_eq!(again.who(&server).await["role"], "viewer");
    // The last one who keeps users stays.
    let body = json!({"role": "admin", "disabled": true});
    let (status, _) = admin.send(&server, "PUT", "/api/users/grace", body).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn there_are_no_passwords_and_programs_have_tokens() {
    let (server, provider) = with_provider().await;
    let admin = logged_in(&server, &provider, "1", "ada", &["hw-admins"]).await;
    let admin = admin.browser();
    logged_in(&server, &provider, "2", "grace", &["staff"]).await;
    for (method, path, body) in [
        (
            "POST",
            "/api/session",
            json!({"name": "ada", "password": "0123456789"}),
        ),
        ("GET", "/api/join?key=x", json!(null)),
        (
            "POST",
            "/api/join",
            json!({"key": "x", "password": "0123456789"}),
        ),
        (
            "POST",
            "/api/users",
            json!({"name": "eve", "role": "admin"}),
        ),
        ("POST", "/api/users/grace/invite", json!(null)),
        ("PUT", "/api/users/grace", json!({"role": "admin"})),
    ] {
        let (status, problem) = admin.send(&server, method, path, body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{method} {path}: {problem}");
        let kind = problem["type"].as_str().unwrap();
        assert!(kind.ends_with("provider_login"), "{method} {path}: {kind}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains(&provider.host())
        );
    }
    let (_, secret) = token(&server, &admin, "reader", &["read"]).await;
    let request = server.request("GET", "/api/events").bearer_auth(secret);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn where_one_logs_in_otherwise_there_is_no_way_to_a_provider() {
    for server in [Running::start().await, Running::with_login().await] {
        for path in ["/login/oidc", "/login/oidc/callback?code=1&state=1"] {
            let address = format!("http://{}{path}", server.address);
            let response = Visitor::new().go(&address).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
