//! A server's API, as a client asks it.

use reqwest::{Client, Error, RequestBuilder, StatusCode};
use serde_json::Value;

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Api {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    client: Client,
}

impl Api {
    /// A client of the server at this address.
    pub(crate) fn at(address: impl Into<String>) -> Self {
        highwater::cli::client::install_tls();
        Self {
            address: address.into(),
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// A request, not sent yet.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(
            method.parse().unwrap(),
            format!("http://{}{path}", self.address),
        )
    }
}

/// Sends a request: status and JSON (null when the answer is none). Fails when the server ends meanwhile.
pub(crate) async fn ask(request: RequestBuilder) -> Result<(StatusCode, Value), Error> {
    let response = request.send().await?;
    let status = response.status();
    if !status.is_success() {
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{status}"
        );
    }
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}
