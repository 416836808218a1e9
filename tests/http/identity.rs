//! Who gets in, and how they are put out again.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio_tungstenite::tungstenite::Message;

use crate::running::{Running, answer};
use crate::support::socket::{Socket, hear, open_as, say};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A browser: what it has of a session.
#[derive(Clone)]
pub(crate) struct Browser(String);

impl Browser {
    /// One that has this cookie.
    pub(crate) fn with(cookie: &str) -> Self {
        Self(cookie.to_owned())
    }

    /// What it has.
    pub(crate) fn cookie(&self) -> &str {
        &self.0
    }

    /// A request of it, as its own page sends it.
    pub(crate) fn request(&self, server: &Running, method: &str, path: &str) -> RequestBuilder {
        let origin = format!("http://{}", server.address);
        let request = server.request(method, path).header("cookie", &self.0);
        request.header("origin", origin)
    }

    /// Asks for something.
    pub(crate) async fn get(&self, server: &Running, path: &str) -> (StatusCode, Value) {
        answer(self.request(server, "GET", path)).await
    }

    /// Sends JSON.
    pub(crate) async fn send(
        &self,
        server: &Running,
        method: &str,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        answer(self.request(server, method, path).json(&body)).await
    }
}

/// The session that an answer brings along.
fn session(response: &Response) -> Browser {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    Browser(cookie.split(';').next().unwrap().to_owned())
}

async fn join(server: &Running, path: &str, name: Option<&str>) -> Browser {
    let key = path.strip_prefix("/join?key=").unwrap();
    let body = json!({"key": key, "name": name, "password": PASSWORD});
    let response = server.request("POST", "/api/join").json(&body);
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    session(&response)
}

/// A server and its first admin.
pub(crate) async fn with_admin() -> (Running, Browser) {
    let server = Running::with_login().await;
    let admin = first_admin(&server).await;
    (server, admin)
}

/// The first admin of a server.
pub(crate) async fn first_admin(server: &Running) -> Browser {
    let link = server.first_admin.clone().unwrap();
    join(server, &link, Some("root")).await
}

/// Another user.
pub(crate) async fn user(server: &Running, admin: &Browser, name: &str, role: &str) -> Browser {
    let body = json!({"name": name, "role": role});
    let (status, invitation) = admin.send(server, "POST", "/api/users", body).await;
    assert_eq!(status, StatusCode::OK, "{invitation}");
    join(server, invitation["path"].as_str().unwrap(), None).await
}

/// A token with these rights: its number and its secret.
pub(crate) async fn token(
    server: &Running,
    admin: &Browser,
    name: &str,
    rights: &[&str],
) -> (i64, String) {
    let body = json!({"name": name, "rights": rights, "days": 1});
    let (status, made) = admin.send(server, "POST", "/api/tokens", body).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let secret = made["secret"].as_str().unwrap().to_owned();
    (made["token"]["id"].as_i64().unwrap(), secret)
}

async fn log_in(server: &Running, name: &str, password: &str) -> Response {
    let body = json!({"name": name, "password": password});
    let request = server.request("POST", "/api/session").json(&body);
    request.send().await.unwrap()
}

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
        .header("cookie", &admin.0);
    let request = request
        .header("origin", "https://evil.example")
        .json(&json!({"name": "eve", "role": "admin"}));
    let (status, problem) = answer(request).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(problem["type"].as_str().unwrap().ends_with("other_origin"));
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
        .insert("cookie", ada.0.parse().unwrap());
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

#[tokio::test]
async fn no_secret_is_kept() {
    let (server, admin) = with_admin().await;
    let (_, secret) = token(&server, &admin, "reader", &["read"]).await;
    let session = admin.0.split_once('=').unwrap().1;
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
