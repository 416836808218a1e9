//! A client of Highwater's HTTP API, as far as a service needs one. It waits for a server that is away, so a service outlives it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use highwater_model::{
    AcknowledgeBody, Acknowledged, Appended, CONFIRM_HEADER, ExpectedVersion, FetchBody, Fetched,
    FlowKind, FlowRuleBody, Problem, ProposedEvent, RecordedEvent, ReleaseBody, RowsPage,
    StreamPage, Subscription, SubscriptionBody,
};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

/// Longer than a fetch waits; what takes longer is lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);
/// Between attempts to reach a server that is away, at first.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Between attempts to reach it, at most.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Events of a page of a stream.
const PAGE: &str = "1000";

/// Why a call has no answer that can be used.
#[derive(Debug)]
pub enum ClientError {
    /// The stream is at another version than was expected: read it again.
    Conflict,
    /// There is no such thing.
    Missing,
    /// The server refused, and would again.
    Refused(String),
    /// The service was told to stop while the server was away.
    Stopped,
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conflict => f.write_str("somebody else appended to the stream"),
            Self::Missing => f.write_str("there is no such thing"),
            Self::Refused(why) => f.write_str(why),
            Self::Stopped => f.write_str("it was told to stop while the server was away"),
        }
    }
}

impl std::error::Error for ClientError {}

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    stop: CancellationToken,
    away: AtomicBool,
}

impl Client {
    /// A client of the server at this address. `http` brings its TLS and its proxies; `stop` ends the waiting for a server that is away.
    pub fn new(http: reqwest::Client, url: Url, stop: CancellationToken) -> Self {
        Self {
            http,
            url,
            stop,
            away: AtomicBool::new(false),
        }
    }

    /// Makes a subscription, or leaves it as it is where it is there with this.
    pub async fn subscribe(
        &self,
        name: &str,
        body: &SubscriptionBody,
    ) -> Result<Subscription, ClientError> {
        let call = || {
            self.request(Method::PUT, &["subscriptions", name])
                .json(body)
        };
        parse(self.call(call).await?).await
    }

    /// Asks for events of a subscription.
    pub async fn fetch(&self, name: &str, body: &FetchBody) -> Result<Fetched, ClientError> {
        let call = || {
            self.request(Method::POST, &["subscriptions", name, "fetch"])
                .json(body)
        };
        parse(self.call(call).await?).await
    }

    /// Says what became of events.
    pub async fn acknowledge(
        &self,
        name: &str,
        body: &AcknowledgeBody,
    ) -> Result<Acknowledged, ClientError> {
        let call = || {
            self.request(Method::POST, &["subscriptions", name, "acknowledge"])
                .json(body)
        };
        parse(self.call(call).await?).await
    }

    /// Gives back what a member has: others get it at once.
    pub async fn release(&self, name: &str, member: &str) -> Result<(), ClientError> {
        let body = ReleaseBody {
            member: member.to_owned(),
        };
        let call = || {
            self.request(Method::POST, &["subscriptions", name, "release"])
                .json(&body)
        };
        self.call(call).await.map(drop)
    }

    /// The events of a stream from a version on; none where there is no such stream.
    pub async fn read_stream(
        &self,
        stream: &str,
        from: i64,
    ) -> Result<Vec<RecordedEvent>, ClientError> {
        let mut found = Vec::new();
        let mut next = Some(from);
        while let Some(from) = next {
            let from = from.to_string();
            let part = [("from", from.as_str()), ("limit", PAGE)];
            let call = || self.read(&["streams", stream, "events"], &part);
            let page: StreamPage = match self.call(call).await {
                Ok(answer) => parse(answer).await?,
                Err(ClientError::Missing) => break,
                Err(error) => return Err(error),
            };
            found.extend(page.events);
            next = page.next.map(|version| version.0);
        }
        Ok(found)
    }

    /// Appends to a stream. The events have ids, so an append whose answer was lost is tried again without harm.
    pub async fn append(
        &self,
        stream: &str,
        expected: ExpectedVersion,
        events: &[ProposedEvent],
    ) -> Result<Appended, ClientError> {
        let call = || {
            self.request(Method::POST, &["streams", stream, "events"])
                .header("expected-version", expected.to_string())
                .json(events)
        };
        parse(self.call(call).await?).await
    }

    /// Takes in the definition of a read model, where there is none of that name: an operator may have rebuilt it to another version.
    pub async fn define(&self, name: &str, text: &str) -> Result<(), ClientError> {
        self.put_where_missing(&["read-models", name], text).await
    }

    /// Takes in what the states of a category's streams are, where nobody has said so.
    pub async fn define_state(&self, category: &str, text: &str) -> Result<(), ClientError> {
        self.put_where_missing(&["state-definitions", category], text)
            .await
    }

    async fn put_where_missing(&self, path: &[&str], text: &str) -> Result<(), ClientError> {
        match self.call(|| self.read(path, &[])).await {
            Err(ClientError::Missing) => {}
            found => return found.map(drop),
        }
        // Production wants the name typed; nothing is there that this could take away.
        let name = path.last().copied().unwrap_or_default();
        let call = || {
            self.request(Method::PUT, path)
                .header(CONFIRM_HEADER, name)
                .body(text.to_owned())
        };
        self.call(call).await.map(drop)
    }

    /// What flows begin with, and when they are finished.
    pub async fn flow_kinds(&self) -> Result<Vec<FlowKind>, ClientError> {
        parse(self.call(|| self.read(&["flow-kinds"], &[])).await?).await
    }

    /// Says when flows that begin with this type are finished.
    pub async fn rule_flows(&self, kind: &str, rule: &FlowRuleBody) -> Result<(), ClientError> {
        let call = || self.request(Method::PUT, &["flow-rules", kind]).json(rule);
        self.call(call).await.map(drop)
    }

    /// The first rows of a read model, by a column.
    pub async fn rows(&self, name: &str, order: &str) -> Result<RowsPage, ClientError> {
        let part = [("order", order), ("limit", PAGE)];
        let call = || self.read(&["read-models", name, "rows"], &part);
        parse(self.call(call).await?).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http
            .request(method, self.address(path))
            .timeout(ANSWER_WITHIN)
    }

    fn read(&self, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.address(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.get(url).timeout(ANSWER_WITHIN)
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        // Fails for an address that is none of a server; the request then fails, and says so.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    /// Sends until the server has answered. That it is away is told once, and that it is back.
    async fn call(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, ClientError> {
        let mut pause = PAUSE_MIN;
        loop {
            let why = match request().send().await {
                Ok(answer) if !asks_for_patience(answer.status()) => {
                    if self.away.swap(false, Ordering::Relaxed) {
                        tracing::info!(url = %self.url, "the server is back");
                    }
                    return judge(answer).await;
                }
                Ok(answer) => {
                    if let Some(later) = retry_after(&answer) {
                        pause = pause.max(later);
                    }
                    format!("it answered {}", answer.status())
                }
                // No request at all, so no server is asked.
                Err(error) if error.is_builder() => {
                    return Err(ClientError::Refused(error.to_string()));
                }
                Err(error) => error.to_string(),
            };
            if !self.away.swap(true, Ordering::Relaxed) {
                tracing::warn!(url = %self.url, %why, "the server is away; waiting for it");
            }
            tokio::select! {
                () = self.stop.cancelled() => return Err(ClientError::Stopped),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// It is away, or full.
fn asks_for_patience(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// When the server wants to be asked again. Not later than a minute, whatever it says.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.parse::<u64>().ok()?.min(60)))
}

async fn judge(answer: Response) -> Result<Response, ClientError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let problem = answer.json::<Problem>().await.ok();
    Err(match (status, problem) {
        (StatusCode::CONFLICT, Some(problem)) if problem.kind.ends_with("conflict") => {
            ClientError::Conflict
        }
        (StatusCode::NOT_FOUND, _) => ClientError::Missing,
        (_, Some(problem)) => ClientError::Refused(problem.to_string()),
        (status, None) => ClientError::Refused(format!("the server answered {status}")),
    })
}

async fn parse<T: DeserializeOwned>(answer: Response) -> Result<T, ClientError> {
    answer
        .json()
        .await
        .map_err(|error| ClientError::Refused(format!("the answer can't be read: {error}")))
}
