//! Somebody at the console: each second the first page, and what it asks for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use reqwest::Client;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(1);
/// Nobody waits longer for a page.
const PATIENCE: Duration = Duration::from_secs(10);
const PATHS: [&str; 2] = ["/", READ_MODELS];
const READ_MODELS: &str = "/api/read-models";

/// Asks until it is dropped.
pub(crate) struct Probe {
    noted: Arc<Mutex<Pages>>,
    _asking: JoinSet<()>,
}

/// What was asked in a time.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Microseconds to the last byte.
    pub(crate) latency: Histogram<u64>,
    /// Those that were refused or not answered in time.
    pub(crate) failed: u64,
    /// The read model that was the farthest behind, at its worst moment.
    pub(crate) lag_s: f64,
    pub(crate) lag_positions: i64,
}

impl Pages {
    fn new() -> Result<Self> {
        Ok(Self {
            latency: Histogram::new_with_max(3_600_000_000, 3)?,
            failed: 0,
            lag_s: 0.0,
            lag_positions: 0,
        })
    }
}

impl Probe {
    /// Begins to ask.
    pub(crate) fn start(server: SocketAddr) -> Result<Self> {
        highwater::cli::client::install_tls();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let noted = Arc::new(Mutex::new(Pages::new()?));
        let mut asking = JoinSet::<()>::new();
        let notes = Arc::clone(&noted);
        asking.spawn(async move {
            let mut every = interval(EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                let due = every.tick().await;
                for path in PATHS {
                    let asked = ask(&client, server, path).await;
                    let mut pages = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                    pages.latency.saturating_record(took);
                    match asked {
                        Ok(body) if path == READ_MODELS => pages.read_models(&body),
                        Ok(_) => {}
                        Err(_) => pages.failed += 1,
                    }
                }
            }
        });
        Ok(Self {
            noted,
            _asking: asking,
        })
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Result<Pages> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::replace(&mut *noted, Pages::new()?))
    }
}

impl Pages {
    fn read_models(&mut self, body: &[u8]) {
        let read_models: Vec<Value> = serde_json::from_slice(body).unwrap_or_default();
        for read_model in read_models {
            let lag = &read_model["lag"];
            self.lag_s = self.lag_s.max(lag["seconds"].as_f64().unwrap_or(0.0));
            let positions = lag["positions"].as_i64().unwrap_or(0);
            self.lag_positions = self.lag_positions.max(positions);
        }
    }
}

async fn ask(client: &Client, server: SocketAddr, path: &str) -> Result<Vec<u8>> {
    let response = client.get(format!("http://{server}{path}")).send().await?;
    let body = response.error_for_status()?.bytes().await;
    Ok(body.context("the answer breaks off")?.to_vec())
}
