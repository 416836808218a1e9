//! Who gets in, by an invitation or a login; and that no secret of it is kept.

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::identity::{PASSWORD, join, log_in, session, token, with_admin};
use crate::running::{Running, answer};
use crate::support::socket::open_as;

#[tokio::test]
async fn nobody_gets_in_without_a_login_and_everybody_learns_how() {
    let server = Running::with_login().await;
    let (status, problem) = server.get("/api/events").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(problem["type"].as_str().unwrap().ends_with("login_needed"));
    assert!(problem["detail"].as_str().unwrap().contains("/login"));
    let response = server.request("GET", "/api/events").send().await.unwrap();
    assert_eq!(
        response.headers()["www-authenticate"],
        "Bearer realm=\"highwater\""
    );
    let (status, who) = server.get("/api/session").await;
    assert_eq!(
        (status, who),
        (
            StatusCode::OK,
            json!({"login": "password", "name": null, "role": null, "rights": []})
        )
    );
    assert_eq!(server.get("/readyz").await.0, StatusCode::OK);
    let refused = open_as(&server.address, None).await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
    let request = server.request("GET", "/api/events");
    let (status, problem) = answer(request.header("authorization", "Bearer hw_123")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(problem["detail"].as_str().unwrap().contains("revoked"));
}

#[tokio::test]
async fn the_first_admin_gets_in_by_the_link_once_and_invites_others() {
    let (server, admin) = with_admin().await;
    let link = server.first_admin.clone().unwrap();
    let (status, _) = server.get(&format!("/api{link}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is used up");
    let (_, who) = admin.get(&server, "/api/session").await;
    assert_eq!(
        (&who["name"], &who["role"]),
        (&json!("root"), &json!("admin"))
    );

    let body = json!({"name": "ada", "role": "viewer"});
    let (_, invitation) = admin
        .send(&server, "POST", "/api/users", body.clone())
        .await;
    let path = invitation["path"].as_str().unwrap();
    let (_, invited) = server.get(&format!("/api{path}")).await;
    assert_eq!(invited, json!({"name": "ada", "role": "viewer"}));
    let (status, _) = admin.send(&server, "POST", "/api/users", body).await;
    assert_eq!(status, StatusCode::CONFLICT, "there is an ada");

    let key = path.strip_prefix("/join?key=").unwrap();
    let short = json!({"key": key, "password": "short"}).to_string();
    let (status, problem) = server.post("/api/join", short).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(problem["detail"].as_str().unwrap().contains("10 to 200"));
    let ada = join(&server, path, None).await;
    assert_eq!(ada.get(&server, "/api/events").await.0, StatusCode::OK);
    let (status, _) = server.get(&format!("/api{path}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    let (_, users) = admin.get(&server, "/api/users").await;
    let names: Vec<&str> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ada", "root"]);
    assert_eq!(users[0]["invited"], false);
    assert_eq!(users[0]["sessions"], 1);
}

#[tokio::test]
async fn a_login_is_a_new_session_and_a_wrong_one_has_to_wait() {
    let (server, admin) = with_admin().await;
    let first = log_in(&server, "ROOT", PASSWORD).await;
    assert_eq!(first.status(), StatusCode::OK);
    let first = session(&first);
    // Logging in again in the same browser ends the session that it had.
    let again = json!({"name": "root", "password": PASSWORD});
    let again = first.request(&server, "POST", "/api/session").json(&again);
    let second = session(&again.send().await.unwrap());
    assert_eq!(
        first.get(&server, "/api/events").await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(second.get(&server, "/api/events").await.0, StatusCode::OK);
    assert_eq!(admin.get(&server, "/api/events").await.0, StatusCode::OK);

    for name in ["root", "nobody-of-this-name"] {
        for _ in 0..5 {
            let wrong = log_in(&server, name, "not the password").await;
            assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED, "{name}");
            assert!(wrong.headers().get("set-cookie").is_none());
        }
        let slowed = log_in(&server, name, PASSWORD).await;
        assert_eq!(slowed.status(), StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert!(slowed.headers().contains_key("retry-after"));
    }
    // Who is in stays in.
    assert_eq!(admin.get(&server, "/api/events").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_form_leads_where_it_should_and_to_no_other_site() {
    let (server, _) = with_admin().await;
    let form = |body: String| {
        let request = server.request("POST", "/api/session").body(body);
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let place = async |body: &str| {
        let request = form(body.to_owned()).build().unwrap();
        let response = client.execute(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        response.headers()["location"].to_str().unwrap().to_owned()
    };
    let right = "name=root&password=correct+horse+battery";
    assert_eq!(
        place(&format!("{right}&next=/live%3Ffilter=a")).await,
        "/live?filter=a"
    );
    assert_eq!(place(&format!("{right}&next=//evil.example")).await, "/");
    assert_eq!(
        place(&format!("{right}&next=https://evil.example")).await,
        "/"
    );
    let wrong = "name=root&password=wrong&next=/flows";
    assert_eq!(place(wrong).await, "/login?failed=wrong&next=/flows");
}

#[tokio::test]
async fn another_site_may_not_use_a_session() {
    let (server, admin) = with_admin().await;
    let request = server
        .request("POST", "/api/users")
        .header("cookie", admin.cookie());
    let request = request
        .header("origin", "https://evil.example")
        .json(&json!({"name": "eve", "role": "admin"}));
    let (status, problem) = answer(request).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(problem["type"].as_str().unwrap().ends_with("other_origin"));
}

#[tokio::test]
async fn no_secret_is_kept() {
    let (server, admin) = with_admin().await;
    let (_, secret) = token(&server, &admin, "reader", &["read"]).await;
    let session = admin.cookie().split_once('=').unwrap().1;
    let key = server.first_admin.as_deref().unwrap();
    let key = key.strip_prefix("/join?key=").unwrap();
    let mut sql = PgConnection::connect(&server.database_url).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables where table_schema = 'highwater' and table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert!(tables.iter().any(|table| table == "sessions"), "{tables:?}");
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!(
            "select coalesce(string_agg(t::text, ' '), '') from highwater.{table} t"
        ));
        let rows: String = sqlx::query_scalar(rows).fetch_one(&mut sql).await.unwrap();
        for secret in [&secret, session, key, PASSWORD] {
            assert!(!rows.contains(secret), "{table} has a secret");
        }
    }
}
