//! The span of a request: by its route, a part of the trace of who asks.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use highwater_model::TRACES;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use super::{otel, traceparent};
use crate::{router, timing};

/// A path is noted up to here: one may be as long as the head of a request, and spans wait in memory.
const PATH_BYTES: usize = 1 << 10;

/// Answers a request in a span, where spans are collected. It ends when the answer begins.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    let span = info_span!(
        target: TRACES,
        "request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = Empty,
        http.route = Empty,
        http.response.status_code = Empty,
        url.path = Empty,
    );
    if span.is_disabled() {
        return next.run(request).await;
    }
    describe(&span, &request);
    if let Some(parent) = traceparent(request.headers()) {
        otel::follow(&span, parent, request.headers());
    }
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

/// By the names that OpenTelemetry has for this.
fn describe(span: &Span, request: &Request) {
    let method = match timing::method(request.method()) {
        "other" => "_OTHER",
        method => method,
    };
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        let name = format!("{method} {}", route.as_str());
        span.record("otel.name", name.as_str());
        span.record("http.route", route.as_str());
    } else {
        span.record("otel.name", method);
    }
    span.record("http.request.method", method);
    let path = router::shown(request.uri().path());
    span.record("url.path", &path[..path.floor_char_boundary(PATH_BYTES)]);
}
