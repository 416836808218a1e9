//! A server that is full says when to come again, and commands do.

use std::time::Duration;

use anyhow::bail;
use highwater_model::Problem;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};

use super::client::{ServerArgs, expect_success};

/// How long a command comes again, in seconds, before it gives up and says why.
const IN_ALL_S: u64 = 60;
/// Refusals after which nothing of what was asked has been done. Others may be of something that was.
const UNDONE: [&str; 3] = ["too_many_requests", "overloaded", "too_many_connections"];

/// What a server says.
pub(super) enum Answer {
    /// It did what was asked.
    Taken(Response),
    /// It is full, has done nothing, and named the seconds after which it may.
    Later(Problem, u64),
}

/// What this answer is; a refusal for good is an error.
pub(super) async fn answer_of(response: Response) -> anyhow::Result<Answer> {
    let status = response.status();
    let may_be_later =
        status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
    let seconds = seconds(&response);
    let (true, Some(seconds)) = (may_be_later, seconds) else {
        return expect_success(response).await.map(Answer::Taken);
    };
    let text = response.text().await.unwrap_or_default();
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) if UNDONE.contains(&problem.kind.as_str()) => {
            Ok(Answer::Later(problem, seconds))
        }
        Ok(problem) => bail!("{problem}"),
        Err(_) => bail!("the server answered {status}; is it a Highwater?"),
    }
}

/// Asks until the server is not full any more.
pub(super) async fn answer(
    server: &ServerArgs,
    request: impl Fn() -> RequestBuilder,
) -> anyhow::Result<Response> {
    let mut patience = Patience::default();
    loop {
        let response = request().send().await;
        let response = response.map_err(|error| server.unreachable(&error))?;
        match answer_of(response).await? {
            Answer::Taken(response) => return Ok(response),
            Answer::Later(why, seconds) => patience.wait(&why, seconds).await?,
        }
    }
}

/// How long it was waited.
#[derive(Debug, Default)]
pub(super) struct Patience {
    waited_s: u64,
}

impl Patience {
    /// Waits, or gives up.
    pub(super) async fn wait(&mut self, why: &Problem, seconds: u64) -> anyhow::Result<()> {
        let seconds = seconds.max(1);
        self.waited_s = self.waited_s.saturating_add(seconds);
        if self.waited_s > IN_ALL_S {
            bail!("{why}");
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok(())
    }
}

fn seconds(response: &Response) -> Option<u64> {
    let seconds = response.headers().get(RETRY_AFTER)?;
    seconds.to_str().ok()?.parse().ok()
}
