//! Where orders wait for a second person, as tests meet it.

use highwater_model::CONFIRM_HEADER;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::identity::{Browser, PASSWORD, first_admin, user};
use crate::running::{Running, answer};

/// The subscription that is to be removed.
pub(crate) const MAILER: &str = "/api/subscriptions/mailer";

/// A server with a subscription, its admin, and two operators.
pub(crate) struct Place {
    pub(crate) server: Running,
    pub(crate) root: Browser,
    pub(crate) ada: Browser,
    pub(crate) grace: Browser,
}

impl Place {
    pub(crate) async fn new() -> Self {
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

    /// Makes it, when there is none.
    pub(crate) async fn has_mailer(&self) {
        let made = self.root.send(&self.server, "PUT", MAILER, json!({})).await;
        assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
    }

    pub(crate) async fn is_there(&self) -> bool {
        self.root.get(&self.server, MAILER).await.0 == StatusCode::OK
    }

    /// Ada asks for the subscription to be removed: the number of that.
    pub(crate) async fn asked(&self) -> i64 {
        let (status, kept) = answer(remove(&self.ada, &self.server)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{kept}");
        kept["id"].as_i64().unwrap()
    }

    pub(crate) async fn decide(&self, who: &Browser, id: i64, how: &str) -> (StatusCode, Value) {
        let path = format!("/api/approvals/{id}/{how}");
        let body = json!({"comment": "seen"});
        who.send(&self.server, "POST", &path, body).await
    }

    pub(crate) async fn one(&self, who: &Browser, id: i64) -> Value {
        let path = format!("/api/approvals/{id}");
        let (status, one) = who.get(&self.server, &path).await;
        assert_eq!(status, StatusCode::OK, "{one}");
        one
    }

    /// Changes the store behind the server's back: the clock.
    pub(crate) async fn in_sql(&self, sql: &'static str) {
        let mut connection = PgConnection::connect(&self.server.database_url)
            .await
            .unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }

    /// Actions of a kind.
    pub(crate) async fn actions(&self, kind: &str) -> Vec<Value> {
        let path = format!("/api/actions?action={kind}");
        let (_, actions) = self.root.get(&self.server, &path).await;
        actions.as_array().unwrap().clone()
    }
}

/// Another server is another place for a browser.
pub(crate) async fn log_in(server: &Running, name: &str) -> Browser {
    let body = json!({"name": name, "password": PASSWORD});
    let request = server.request("POST", "/api/session").json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    Browser::with(cookie.split(';').next().unwrap())
}

/// The order that these tests are about, confirmed.
pub(crate) fn remove(who: &Browser, server: &Running) -> RequestBuilder {
    let request = who.request(
        server,
        "DELETE",
        &format!("{MAILER}?reason=nobody%20reads%20it"),
    );
    request.header(CONFIRM_HEADER, "mailer")
}
