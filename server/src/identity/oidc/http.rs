//! How the provider is asked: no redirect is followed, no answer is large, none is waited for long.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Client, Request, Url};

use crate::outside;

/// How long an answer may take, whole.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Keys and tokens are some kilobytes.
const ANSWER_BYTES: usize = 1 << 20;

/// A client of the provider.
#[derive(Debug)]
pub(super) struct Http(Client);

/// Why there is no answer of the provider.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// It could not be asked, or broke off.
    #[error("the provider could not be asked")]
    Failed(#[from] reqwest::Error),
    /// It leads elsewhere.
    #[error("the provider answers with a redirect, which is not followed")]
    Redirect,
    /// It says too much.
    #[error("the provider's answer has more than a megabyte")]
    TooLarge,
}

impl Http {
    /// One that asks this provider, and where it is by https nobody without.
    pub(super) fn new(issuer: &Url) -> anyhow::Result<Self> {
        let client = outside::client(TIMEOUT, issuer.scheme() == "https");
        client
            .map(Self)
            .context("the HTTP client for the provider did not start")
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
        let mut answer = self.0.execute(Request::try_from(request)?).await?;
        if answer.status().is_redirection() {
            return Err(Unanswered::Redirect);
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if body.len() + part.len() > ANSWER_BYTES {
                return Err(Unanswered::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        let mut response = HttpResponse::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
