//! Users, their browsers, and programs with their tokens.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::running::{Running, answer};

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
pub(crate) fn session(response: &Response) -> Browser {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    Browser(cookie.split(';').next().unwrap().to_owned())
}

/// Who has chosen a password at the link of an invitation.
pub(crate) async fn join(server: &Running, path: &str, name: Option<&str>) -> Browser {
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

/// What a login is answered.
pub(crate) async fn log_in(server: &Running, name: &str, password: &str) -> Response {
    let body = json!({"name": name, "password": password});
    let request = server.request("POST", "/api/session").json(&body);
    request.send().await.unwrap()
}
