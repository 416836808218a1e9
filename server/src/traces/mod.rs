//! Traces, by OpenTelemetry: spans of requests, appends and slices go to a collector, where one is named (`--otlp-endpoint`).
//!
//! Only spans of the target `TRACES` are sent, and logs leave these out, so nothing that a log says gets to a collector by accident. What a
//! span says of itself are names of routes and read models, positions, numbers: no data, no query, no name of a stream but in a path.
//!
//! A span is made as any other, with `info_span!(target: TRACES, …)`: without a collector nobody wants it, which is found out once.

#[cfg(feature = "otel")]
mod collector;
#[cfg(feature = "otel")]
mod otel;
#[cfg(not(feature = "otel"))]
#[path = "without.rs"]
mod otel;
mod request;

use axum::http::HeaderMap;
use highwater_model::Traceparent;

pub(crate) use otel::{LINK, Traces, here};
pub(crate) use request::trace;

/// Where in a trace who asks is, if they say so.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<Traceparent> {
    headers.get(Traceparent::NAME)?.to_str().ok()?.parse().ok()
}
