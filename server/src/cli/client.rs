//! What the commands share: where the server is, and how it is asked.

use std::error::Error;
use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use highwater_model::Problem;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, Response, Url};

/// Where the server is.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// Where the server is
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:3000",
        env = "HIGHWATER_URL"
    )]
    pub url: Url,

    /// A token for a server with a login, which an admin makes at /access; better given by the variable, where nobody else reads it
    #[arg(
        long,
        value_name = "TOKEN",
        hide_env_values = true,
        env = "HIGHWATER_TOKEN"
    )]
    pub token: Option<Token>,

    /// Certificates of your own that vouch for the server's (PEM), beside those that this machine trusts
    #[arg(long, value_name = "FILE", env = "HIGHWATER_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

/// A token, which is not to be read in a log.
#[derive(Clone)]
pub struct Token(String);

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl Token {
    /// As it is sent.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a request has as its `Authorization`.
    pub fn header(&self) -> anyhow::Result<HeaderValue> {
        let value = format!("Bearer {}", self.0.trim());
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| anyhow!("the token has characters that none has; copy it again"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl ServerArgs {
    /// The address of a call.
    pub fn call(&self, path: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.url.clone();
        {
            let mut segments = url.path_segments_mut().map_err(|()| {
                anyhow!(
                    "{} is no address of a server; give one like http://127.0.0.1:3000",
                    self.url
                )
            })?;
            segments.pop_if_empty().extend(path);
        }
        Ok(url)
    }

    /// A client for it.
    pub fn client(&self) -> anyhow::Result<Client> {
        install_tls();
        let mut client =
            Client::builder().user_agent(concat!("highwater/", env!("CARGO_PKG_VERSION")));
        if self
            .url
            .host_str()
            .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
        {
            // A proxy can't reach this machine's own loopback.
            client = client.no_proxy();
        }
        if let Some(token) = &self.token {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, token.header()?)]);
            client = client.default_headers(headers);
        }
        if let Some(file) = &self.ca_file {
            client = client.tls_certs_merge(certificates(file)?);
        }
        client.build().context("the HTTP client did not start")
    }

    /// Turns "no connection" into what to do.
    pub fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        let why = cause(error);
        if error.is_connect() && self.url.scheme() == "https" && why.contains("certificate") {
            anyhow!(
                "{}: {why}; if the server's certificate is of an authority of yours, name that one's with --ca-file",
                self.url
            )
        } else if error.is_connect() {
            anyhow!(
                "nothing answers at {}; start one with: highwater serve, or name it with --url",
                self.url
            )
        } else {
            anyhow!("{}: {error}", self.url)
        }
    }
}

fn certificates(file: &Path) -> anyhow::Result<Vec<Certificate>> {
    let place = file.display();
    let text = std::fs::read(file).with_context(|| format!("can't read {place}"))?;
    let found = Certificate::from_pem_bundle(&text)
        .with_context(|| format!("{place} does not hold certificates as PEM"))?;
    ensure!(
        !found.is_empty(),
        "there is no certificate in {place}; it takes PEM"
    );
    Ok(found)
}

/// What is at the bottom of an error.
fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The answer, or the problem that it is.
pub async fn expect_success(response: Response) -> anyhow::Result<Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => bail!("{problem}"),
        Err(_) => bail!("the server answered {status}; is it a Highwater?"),
    }
}

/// Runs a command to its end.
pub fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(command);
    // A thread that still waits for standard input is not waited for.
    runtime.shutdown_background();
    done
}

/// The TLS implementation, once a process.
pub fn install_tls() {
    // Fails when one is installed already, which is as good.
    let _: Result<_, _> = rustls::crypto::ring::default_provider().install_default();
}
