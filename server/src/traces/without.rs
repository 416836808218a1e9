//! In a program that was built without OpenTelemetry there are no traces.

use anyhow::bail;
use axum::http::HeaderMap;
use highwater_engine::LinkTrace;
use highwater_model::Traceparent;
use reqwest::Url;
use tracing::Span;
use tracing_subscriber::{Layer, Registry};

/// How a span is linked to a place in a trace.
pub(crate) const LINK: Option<LinkTrace> = None;

/// There is never one.
#[derive(Debug)]
pub(crate) enum Traces {}

impl Traces {
    /// Refuses.
    pub(crate) fn to(endpoint: &Url) -> anyhow::Result<Self> {
        bail!("traces can't be sent to {endpoint}: this program was built without the feature otel")
    }

    /// What takes spans.
    pub(crate) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        match *self {}
    }

    /// Sends what is left.
    pub(crate) fn end(self) {
        match self {}
    }
}

/// Makes a span a part of the trace of who asks.
pub(super) fn follow(_span: &Span, _parent: Traceparent, _headers: &HeaderMap) {}

/// Where in a trace this is done.
pub(crate) fn here() -> Option<Traceparent> {
    None
}
