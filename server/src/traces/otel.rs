//! The one place that knows OpenTelemetry: what takes spans, and how they hang together.

use std::str::FromStr as _;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderMap;
use highwater_engine::LinkTrace;
use highwater_model::{TRACES, Traceparent};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::Url;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Layer, Registry};

use super::collector::Collector;

/// How long the last spans may take at the end, whatever the collector does.
const AT_THE_END: Duration = Duration::from_secs(3);
/// What a trace says beside its parent is passed on if it is no longer; the standard asks for as much.
const STATE_BYTES: usize = 512;

/// How a span is linked to a place in a trace.
pub(crate) const LINK: Option<LinkTrace> = Some(link);

/// What takes spans, and sends them in batches, from a thread of its own. What it can't get rid of it drops; nobody waits for it.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Those that go to the collector at this address.
    pub(crate) fn to(endpoint: &Url) -> anyhow::Result<Self> {
        let collector = Collector::at(endpoint).context("spans can't be sent")?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(collector)
            .with_resource(resource())
            .build();
        Ok(Self(provider))
    }

    /// What takes spans.
    pub(crate) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        // Neither lines of code nor threads; and a parent is the span around, of those that are sent.
        tracing_opentelemetry::layer::<Registry>()
            .with_tracer(self.0.tracer("highwater"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(Targets::new().with_target(TRACES, LevelFilter::INFO))
            .boxed()
    }

    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(AT_THE_END) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// Who sends the spans: highwater, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say otherwise.
fn resource() -> Resource {
    let named = Resource::builder().build();
    let mut more = vec![];
    let is_named = |key: &'static str| {
        let value = named.get(&Key::from_static_str(key));
        value.is_some_and(|value| !value.as_str().starts_with("unknown_service"))
    };
    for (key, value) in [
        ("service.name", "highwater"),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ] {
        if !is_named(key) {
            more.push(KeyValue::new(key, value));
        }
    }
    Resource::builder().with_attributes(more).build()
}

/// A place in a trace that came from elsewhere.
fn elsewhere(place: Traceparent, state: TraceState) -> SpanContext {
    SpanContext::new(
        TraceId::from(place.trace_id),
        SpanId::from(place.span_id),
        TraceFlags::new(place.flags),
        true,
        state,
    )
}

fn link(span: &Span, to: Traceparent) {
    span.add_link(elsewhere(to, TraceState::NONE));
}

/// Makes a span a part of the trace of who asks.
pub(super) fn follow(span: &Span, parent: Traceparent, headers: &HeaderMap) {
    let state = headers
        .get("tracestate")
        .and_then(|state| state.to_str().ok())
        .filter(|state| state.len() <= STATE_BYTES)
        .and_then(|state| TraceState::from_str(state).ok());
    let parent = elsewhere(parent, state.unwrap_or(TraceState::NONE));
    let context = Context::new().with_remote_span_context(parent);
    if let Err(error) = span.set_parent(context) {
        tracing::debug!(%error, "a request is no part of its trace");
    }
}

/// Where in a trace this is done.
pub(crate) fn here() -> Option<Traceparent> {
    let context = Span::current().context();
    let span = context.span();
    let place = span.span_context();
    place.is_valid().then(|| Traceparent {
        trace_id: u128::from_be_bytes(place.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(place.span_id().to_bytes()),
        flags: place.trace_flags().to_u8(),
    })
}
