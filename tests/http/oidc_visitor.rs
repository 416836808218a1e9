//! Who comes with a browser to log in at a provider.

use std::collections::BTreeMap;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::identity::Browser;
use crate::oidc_provider::Provider;
use crate::running::Running;

/// A browser, with the cookies that it keeps. It is led nowhere by itself.
#[derive(Clone)]
pub(crate) struct Visitor {
    client: Client,
    /// The cookies.
    pub(crate) kept: BTreeMap<String, String>,
}

impl Visitor {
    /// One that has been nowhere.
    pub(crate) fn new() -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        Self {
            client: client.build().unwrap(),
            kept: BTreeMap::new(),
        }
    }

    /// Goes there.
    pub(crate) async fn go(&mut self, address: &str) -> Response {
        let request = self.client.get(address).header("cookie", self.cookies());
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (pair, more) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if more.contains("Max-Age=0") {
                self.kept.remove(name);
            } else {
                self.kept.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    fn cookies(&self) -> String {
        let pairs = self
            .kept
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Where the provider sends it back to.
    pub(crate) async fn comes_back(&mut self, server: &Running, query: &str) -> String {
        let begin = format!("http://{}/login/oidc{query}", server.address);
        let at_provider = place(&self.go(&begin).await);
        assert!(at_provider.contains("/authorize?"), "{at_provider}");
        place(&self.go(&at_provider).await)
    }

    /// What it comes to.
    pub(crate) async fn logs_in(&mut self, server: &Running) -> Response {
        let back = self.comes_back(server, "").await;
        self.go(&back).await
    }

    /// As a browser of the console.
    pub(crate) fn browser(&self) -> Browser {
        Browser::with(&self.cookies())
    }

    /// Who it is to the server.
    pub(crate) async fn who(&self, server: &Running) -> Value {
        self.browser().get(server, "/api/session").await.1
    }
}

/// Where an answer leads.
pub(crate) fn place(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// A server, and the provider at which one logs in.
pub(crate) async fn with_provider() -> (Running, Provider) {
    let provider = Provider::start().await;
    let server = Running::with_provider(provider.options()).await;
    (server, provider)
}

/// Somebody who is logged in, known to the provider so.
pub(crate) async fn logged_in(
    server: &Running,
    provider: &Provider,
    subject: &str,
    name: &str,
    groups: &[&str],
) -> Visitor {
    provider.knows(subject, name, groups);
    let mut visitor = Visitor::new();
    let response = visitor.logs_in(server).await;
    assert_eq!(place(&response), "/");
    visitor
}
