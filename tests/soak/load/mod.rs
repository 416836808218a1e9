//! A load as a store has it for hours, and what is held against the log when it is over: appends on a schedule, readers as pages of the
//! console are, read models as a user writes them.
//!
//! `cargo xtask soak` runs it for an hour, a test of `tests/no_loss` for seconds.

pub(crate) mod audit;
mod events;
mod http;
mod read_models;
mod readers;
pub(crate) mod tally;
mod writers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::audit::Audit;
use self::http::Http;
use self::read_models::ReadModel;
use self::readers::{Reader, Seen};
use self::tally::Tally;
use self::writers::Written;

/// What read models and readers have to come to the end of the log, once nobody appends any more.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often a call is repeated that is refused because the server is busy, a second apart.
const TRIES: usize = 60;

/// How much of everything.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) events_per_s: u32,
    /// Events of one append; ten are a stream.
    pub(crate) events_per_append: u32,
    /// Connections that append, each with one call at a time.
    pub(crate) connections: u32,
    pub(crate) readers: usize,
    pub(crate) read_models: usize,
    pub(crate) time: Duration,
    /// An append that is later than this is left out. None: all are sent, however late.
    pub(crate) patience: Option<Duration>,
}

/// A load that has begun: its read models are defined and its readers connected.
pub(crate) struct Running {
    load: Load,
    server: SocketAddr,
    tally: Arc<Tally>,
    read_models: Vec<ReadModel>,
    readers: JoinSet<Result<Seen>>,
    end: watch::Sender<Option<i64>>,
}

impl Load {
    /// Defines the read models and connects the readers.
    pub(crate) async fn begin(&self, server: SocketAddr, tally: &Arc<Tally>) -> Result<Running> {
        let mut http = Http::new(server);
        let mut read_models = Vec::new();
        for number in 0..self.read_models {
            let read_model = ReadModel::new(number);
            read_model.define(&mut http).await?;
            read_models.push(read_model);
        }
        let end = watch::Sender::new(None);
        let mut readers = JoinSet::new();
        for number in 0..self.readers {
            let reader = Reader::connect(number, server, Arc::clone(tally)).await?;
            readers.spawn(reader.follow(end.subscribe()));
        }
        Ok(Running {
            load: self.clone(),
            server,
            tally: Arc::clone(tally),
            read_models,
            readers,
            end,
        })
    }
}

impl Running {
    /// Appends for the whole time.
    pub(crate) async fn append(&self) -> Result<Vec<Written>> {
        writers::append(&self.load, self.server, &self.tally).await
    }

    /// Waits until everybody is at the end of the log, then compares.
    pub(crate) async fn end(
        mut self,
        mut written: Vec<Written>,
        database_url: &str,
    ) -> Result<Audit> {
        let mut http = Http::new(self.server);
        let page = get(&mut http, "/api/events?limit=1").await?;
        let head = page["head"].as_i64().context("the log has no head")?;
        self.end.send_replace(Some(head));
        let mut seen = Vec::new();
        let reading = async {
            while let Some(done) = self.readers.join_next().await {
                seen.push(done??);
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .context("a reader does not come to the end of the log")??;
        for read_model in &self.read_models {
            let handling = handled(&mut http, read_model.name(), head);
            tokio::time::timeout(PATIENCE, handling)
                .await
                .with_context(|| format!("{} is not at the end of the log", read_model.name()))??;
        }
        audit::compare(database_url, head, &mut written, &seen, &self.read_models).await
    }
}

async fn handled(http: &mut Http, name: &str, head: i64) -> Result<()> {
    if head == 0 {
        return Ok(());
    }
    let path = format!("/api/read-models/{name}?wait={head}&timeout=20");
    while get(http, &path).await?["handled"] != true {}
    Ok(())
}

/// What a call answers; again while the server is busy.
async fn get(http: &mut Http, path: &str) -> Result<Value> {
    for _ in 0..TRIES {
        let answer = http.ask("GET", path, "", "").await?;
        match answer.status {
            200 => return Ok(serde_json::from_slice(http.body())?),
            429 | 503 => tokio::time::sleep(Duration::from_secs(1)).await,
            status => bail!(
                "{path} was answered with {status}: {}",
                String::from_utf8_lossy(http.body())
            ),
        }
    }
    bail!("{path} is refused for a minute now")
}
