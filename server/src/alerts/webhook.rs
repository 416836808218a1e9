//! Webhooks: where they may be, and how they are told. No redirect is followed, no answer is waited for long, and nothing of an address but
//! its host stands in an error or a log, for the rest may be a secret.

use std::error::Error;
use std::time::Duration;

use highwater_model::{AlertRuleFault, Traceparent};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, Url};
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::guard::is_loopback_host;
use crate::identity::secret::hex;
use crate::{outside, traces};

/// The header that proves who tells: `sha256=` and the HMAC of the body by the rule's secret, in hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "Highwater-Signature";
/// How long a webhook has for its answer, whole.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read, and characters of it that are told.
const SAID: (usize, usize) = (4 << 10, 300);

/// Calls webhooks.
#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    https: OnceCell<Client>,
    loopback: OnceCell<Client>,
}

/// What a webhook answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// Its status.
    pub(crate) status: u16,
    /// It took what it was told.
    pub(crate) taken: bool,
    /// The status in words.
    pub(crate) status_words: String,
    /// The beginning of its answer.
    pub(crate) words: String,
}

/// Why a webhook did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsaid {
    /// It took too long.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Late,
    /// Nobody is there, or nobody who can be trusted.
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    /// Anything else.
    #[error("it could not be told: {0}")]
    Failed(String),
}

impl From<reqwest::Error> for Unsaid {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Late;
        }
        let is_connect = error.is_connect();
        let why = deepest(&error.without_url());
        if is_connect {
            Self::Unreachable(why)
        } else {
            Self::Failed(why)
        }
    }
}

/// The address of a webhook, as it is kept.
///
/// # Errors
/// When it is none, or one that is not told.
pub(crate) fn address(text: &str) -> Result<Url, AlertRuleFault> {
    let fault = |words: String| AlertRuleFault::new("webhook", words);
    let url = Url::parse(text).map_err(|error| {
        fault(format!(
            "webhook is no address ({error}); it is one like https://hooks.example/alerts"
        ))
    })?;
    let is_loopback = url.host_str().is_some_and(is_loopback_host);
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => {
            return Err(fault(
                "webhook is http, which anybody on the way can read; use https (http is for 127.0.0.1, [::1] and localhost alone)"
                    .to_owned(),
            ));
        }
        other => {
            return Err(fault(format!(
                "webhook is {other}; it has to be https, or http on loopback"
            )));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault(
            "webhook names a user or a password, which is not sent; a secret signs what is told instead".to_owned(),
        ));
    }
    Ok(url)
}

impl Webhooks {
    /// Tells a webhook, signed by the secret if there is one.
    pub(crate) async fn tell(
        &self,
        webhook: &Url,
        secret: Option<&str>,
        body: &str,
    ) -> Result<Said, Unsaid> {
        let client = self.client(webhook.scheme() == "https").await?;
        let mut request = client
            .post(webhook.clone())
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .body(body.to_owned());
        if let Some(secret) = secret {
            request = request.header(SIGNATURE_HEADER, signature(secret, body)?);
        }
        if let Some(here) = traces::here() {
            request = request.header(Traceparent::NAME, here.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status();
        Ok(Said {
            status: status.as_u16(),
            taken: status.is_success(),
            status_words: if status.is_redirection() {
                format!("it answered {status}, a redirect, which is not followed")
            } else {
                format!("it answered {status}")
            },
            words: beginning(answer).await,
        })
    }

    /// Made when it is needed first.
    async fn client(&self, is_https: bool) -> Result<&Client, Unsaid> {
        let cell = if is_https {
            &self.https
        } else {
            &self.loopback
        };
        cell.get_or_try_init(
            || async move { outside::client(TIMEOUT, is_https).map_err(Unsaid::from) },
        )
        .await
    }
}

/// `sha256=` and the HMAC of a body.
fn signature(secret: &str, body: &str) -> Result<String, Unsaid> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|error| Unsaid::Failed(error.to_string()))?;
    mac.update(body.as_bytes());
    let code = mac.finalize().into_bytes();
    Ok(format!("sha256={}", hex(&code[..])))
}

/// The beginning of an answer, on one line. One that breaks off has said what it has said.
async fn beginning(mut answer: Response) -> String {
    let mut read = Vec::new();
    while read.len() < SAID.0
        && let Ok(Some(part)) = answer.chunk().await
    {
        read.extend_from_slice(&part);
    }
    let text = String::from_utf8_lossy(&read);
    let plain = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(SAID.1).collect::<String>().trim().to_owned()
}

/// What is at the bottom of an error.
fn deepest(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_told_by_https_or_on_this_machine() {
        for told in [
            "https://hooks.example/T0/abc",
            "http://127.0.0.1:9000/",
            "http://localhost:9000/alerts",
            "http://[::1]:9000/",
            "HTTPS://Hooks.Example",
        ] {
            assert!(address(told).is_ok(), "{told}");
        }
        for (not, says) in [
            ("hooks.example", "is no address"),
            ("", "is no address"),
            ("http://hooks.example/", "use https"),
            ("http://127.0.0.1.evil.example/", "use https"),
            ("http://10.0.0.1/", "use https"),
            ("ftp://hooks.example/", "has to be https"),
            ("file:///etc/passwd", "has to be https"),
            ("https://me:sesame@hooks.example/", "a user or a password"),
        ] {
            let words = address(not).unwrap_err().words;
            assert!(words.contains(says), "{not}: {words}");
        }
    }

    #[test]
    fn a_signature_is_what_others_compute() {
        // As RFC 4231 has it, test case 2.
        assert_eq!(
            signature("Jefe", "what do ya want for nothing?").unwrap(),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
