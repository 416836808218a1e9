//! Logging in at a provider of OpenID Connect: who gets in, as what, and for how long.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::oidc_visitor::{Visitor, logged_in, place, with_provider};
use crate::running::Running;

/// Waits until it is so, which another task has to learn.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(10);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < end, "it is never learned");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn groups_decide_what_somebody_is() {
    let (server, provider) = with_provider().await;
    let (_, who) = server.get("/api/session").await;
    let nobody = json!({"login": "oidc", "provider": provider.host(), "name": null, "role": null, "rights": []});
    assert_eq!(who, nobody);
    assert_eq!(server.first_admin, None);

    let admin = logged_in(&server, &provider, "1", "ada", &["x", "staff", "hw-admins"]).await;
    let who = admin.who(&server).await;
    assert_eq!(
        (&who["name"], &who["role"], &who["login"]),
        (&json!("ada"), &json!("admin"), &json!("oidc"))
    );
    let viewer = logged_in(&server, &provider, "2", "grace", &["staff"]).await;
    assert_eq!(viewer.who(&server).await["role"], "viewer");

    let (_, users) = admin.browser().get(&server, "/api/users").await;
    let seen: Vec<(&str, bool)> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["name"].as_str().unwrap(), user["invited"] == true))
        .collect();
    assert_eq!(seen, [("ada", false), ("grace", false)]);
    let (_, actions) = admin.browser().get(&server, "/api/actions").await;
    for kind in ["\"join\"", "\"log_in\""] {
        assert!(actions.to_string().contains(kind), "{actions}");
    }
}

#[tokio::test]
async fn the_next_login_changes_what_somebody_is_wherever_they_are_logged_in() {
    let (server, provider) = with_provider().await;
    let first = logged_in(&server, &provider, "1", "ada", &["hw-admins"]).await;
    assert_eq!(first.who(&server).await["role"], "admin");
    let second = logged_in(&server, &provider, "1", "renamed", &["staff"]).await;
    let who = second.who(&server).await;
    assert_eq!(
        (&who["name"], &who["role"]),
        (&json!("ada"), &json!("viewer"))
    );
    until(async || first.who(&server).await["role"] == "viewer").await;

    provider.knows("1", "ada", &["guests"]);
    let refused = Visitor::new().logs_in(&server).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    for visitor in [&first, &second] {
        until(async || visitor.who(&server).await["name"].is_null()).await;
    }
    let admin = logged_in(&server, &provider, "2", "grace", &["hw-admins"]).await;
    let (_, actions) = admin.browser().get(&server, "/api/actions").await;
    let changed = actions.to_string();
    assert!(changed.contains("\"change_user\""), "{changed}");
    assert!(changed.contains("by the groups"), "{changed}");
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_asked_for_once() {
    let (server, provider) = with_provider().await;
    provider.knows("1", "ada", &["staff"]);
    for (rotated, asked) in [(false, 1), (false, 1), (true, 2), (false, 2)] {
        if rotated {
            provider.rotate();
        }
        let response = Visitor::new().logs_in(&server).await;
        assert_eq!(place(&response), "/");
        assert_eq!(provider.keys_asked(), asked);
    }
}

#[tokio::test]
async fn a_login_leads_back_to_where_it_began_and_to_no_other_site() {
    let (server, provider) = with_provider().await;
    provider.knows("1", "ada", &["staff"]);
    let long = format!("?next=/{}", "a".repeat(3_000));
    for (query, leads) in [
        ("?next=/live%3Ffilter%3Da", "/live?filter=a"),
        ("?next=//evil.example", "/"),
        ("?next=https://evil.example", "/"),
        ("?next=%0d%0a", "/"),
        ("?next=/a&next=/b", "/"),
        (long.as_str(), "/"),
    ] {
        let mut visitor = Visitor::new();
        let back = visitor.comes_back(&server, query).await;
        assert_eq!(place(&visitor.go(&back).await), leads, "{query}");
    }
}

#[tokio::test]
async fn namesakes_are_told_apart_and_nobody_takes_the_name_of_a_program() {
    let (server, provider) = with_provider().await;
    for (subject, called, name) in [
        ("1", "ada", "ada"),
        ("2", "Ada", "Ada-2"),
        ("3", "ada", "ada-3"),
        ("2", "Ada", "Ada-2"),
        ("1", "ada", "ada"),
        ("4", "Ada Lovelace", "Ada-Lovelace"),
        ("5", "demo", "demo-2"),
    ] {
        let visitor = logged_in(&server, &provider, subject, called, &["staff"]).await;
        assert_eq!(visitor.who(&server).await["name"], name, "{subject}");
    }
}

#[tokio::test]
async fn what_a_browser_keeps_is_short_lived_and_only_for_the_server() {
    let (server, provider) = with_provider().await;
    provider.knows("1", "ada", &["staff"]);
    let (_, port) = server.address.split_once(':').unwrap();
    let mut visitor = Visitor::new();
    let begin = format!("http://{}/login/oidc", server.address);
    let begun = visitor.go(&begin).await;
    let cookie = begun.headers()["set-cookie"].to_str().unwrap();
    let (name, _) = cookie.split_once('=').unwrap();
    assert_eq!(name, format!("highwater-login-{port}"));
    assert!(
        cookie.ends_with("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let back = place(&visitor.go(&place(&begun)).await);
    let ended = visitor.go(&back).await;
    let cookies: Vec<&str> = ended
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    let session = cookies.iter().find(|cookie| !cookie.contains("-login-"));
    assert!(
        session.is_some_and(
            |cookie| cookie.contains("; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax")
        ),
        "{cookies:?}"
    );
    assert!(!visitor.kept.contains_key(name), "{cookies:?}");
}

#[tokio::test]
async fn a_session_lasts_twelve_hours_at_most() {
    let (server, provider) = with_provider().await;
    let mut sql = PgConnection::connect(&server.database_url).await.unwrap();
    for (minutes, lasts) in [(12 * 60 - 5, true), (12 * 60 + 5, false)] {
        let ada = logged_in(&server, &provider, "1", "ada", &["staff"]).await;
        sqlx::query("update highwater.sessions set created_at = now() - $1 * interval '1 minute'")
            .bind(minutes)
            .execute(&mut sql)
            .await
            .unwrap();
        let (status, _) = ada.browser().get(&server, "/api/events").await;
        assert_eq!(status == StatusCode::OK, lasts, "{minutes}");
    }
}

#[tokio::test]
async fn nothing_of_a_login_is_kept() {
    let (server, provider) = with_provider().await;
    provider.knows("1", "ada", &["staff", "a-group-of-no-role"]);
    let mut visitor = Visitor::new();
    let back = visitor.comes_back(&server, "").await;
    let query = back.split_once('?').unwrap().1.to_owned();
    let mut secrets: Vec<String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| matches!(*name, "state" | "code"))
        .map(|(_, value)| value.to_owned())
        .collect();
    secrets.extend(visitor.kept.values().cloned());
    assert_eq!(secrets.len(), 3, "{secrets:?}");
    is_kept_nowhere(&server, &secrets).await;
    visitor.go(&back).await;
    secrets.extend(visitor.kept.values().cloned());
    secrets.extend(["of-no-use-here", "of-the-client", "a-group-of-no-role"].map(str::to_owned));
    is_kept_nowhere(&server, &secrets).await;
}

async fn is_kept_nowhere(server: &Running, secrets: &[String]) {
    let mut sql = PgConnection::connect(&server.database_url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables where table_schema = 'highwater' and table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert!(
        tables.iter().any(|table| table == "begun_logins"),
        "{tables:?}"
    );
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!(
            "select coalesce(string_agg(t::text, ' '), '') from highwater.{table} t"
        ));
        let rows: String = sqlx::query_scalar(rows).fetch_one(&mut sql).await.unwrap();
        for secret in secrets {
            assert!(!rows.contains(secret), "{table} has {secret}");
        }
    }
}
