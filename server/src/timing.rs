//! How long requests take, by the route that they match: its pattern, so that there are never more series than routes.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Measures a request, until its answer begins: how long a live feed, an export or a download goes on is their readers' affair.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // Files of the site, and what is not there.
    let route = route.map_or_else(|| "other".to_owned(), |route| route.as_str().to_owned());
    let status = class(response.status());
    metrics::histogram!("highwater_http_request_seconds", "method" => method, "route" => route, "status" => status)
        .record(started.elapsed());
    response
}

/// A client can make up methods.
pub(crate) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
