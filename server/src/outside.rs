//! How the server asks others, where its operators have told it to: a provider of logins, webhooks.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use crate::cli::client::install_tls;

/// A client that follows no redirect and waits so long for an answer, whole. It asks by https alone, or on loopback in plain text, which a
/// proxy can't reach.
pub(crate) fn client(patience: Duration, is_https: bool) -> reqwest::Result<Client> {
    install_tls();
    let client = Client::builder()
        .user_agent(concat!("highwater/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(patience)
        .timeout(patience)
        .https_only(is_https);
    let client = if is_https { client } else { client.no_proxy() };
    client.build()
}
