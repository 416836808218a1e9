//! A collector of traces, as it is told by OTLP: protobuf over HTTP.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use reqwest::Url;
use tokio::runtime::{Builder, Runtime};

use crate::outside;

/// How long a collector has for its answer, whole.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the log says that spans can't be sent.
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// Bytes of an answer that are read; it says hardly anything.
const ANSWER_BYTES: usize = 64 << 10;

/// Where spans go.
#[derive(Debug)]
pub(super) struct Collector {
    spans: opentelemetry_otlp::SpanExporter,
    host: String,
    /// When the log was told that it takes none; none while it does.
    told: Mutex<Option<Instant>>,
}

impl Collector {
    /// The one at this address: that of all kinds of OTLP, traces go to `v1/traces` below.
    pub(super) fn at(endpoint: &Url) -> anyhow::Result<Self> {
        let mut address = endpoint.clone();
        let below = format!("{}/v1/traces", endpoint.path().trim_end_matches('/'));
        address.set_path(&below);
        let spans = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(address)
            .with_http_client(Outside::new(endpoint.scheme() == "https")?)
            .build()?;
        Ok(Self {
            spans,
            host: endpoint.authority().to_owned(),
            told: Mutex::new(None),
        })
    }

    /// Tells the log: that it fails, now and then, and that it is well again.
    fn tell(&self, sent: &OTelSdkResult, spans: usize) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match sent {
            Ok(()) => {
                if told.take().is_some() {
                    tracing::info!(collector = self.host, "spans can be sent again");
                }
            }
            Err(_) if told.is_some_and(|at| at.elapsed() < TOLD_EVERY) => {}
            Err(error) => {
                *told = Some(Instant::now());
                tracing::warn!(collector = self.host, spans, %error, "spans could not be sent; they are lost, nothing else waits for them");
            }
        }
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.spans.export(batch).await;
        self.tell(&sent, spans);
        sent
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.spans.set_resource(resource);
    }
}

/// Asks by the server's own client. The thread that sends spans belongs to no runtime, and sends the last ones when the server's has ended.
#[derive(Debug)]
struct Outside {
    client: reqwest::Client,
    runtime: Runtime,
}

impl Outside {
    fn new(is_https: bool) -> anyhow::Result<Self> {
        let client = outside::client(PATIENCE, is_https)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()
            .context("the runtime for traces did not start")?;
        Ok(Self { client, runtime })
    }
}

#[async_trait]
impl HttpClient for Outside {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let asked = ask(self.client.clone(), request);
        self.runtime.spawn(asked).await?
    }
}

async fn ask(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request)?;
    let mut answer = client.execute(request).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES
        && let Some(part) = answer.chunk().await?
    {
        body.extend_from_slice(&part);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
