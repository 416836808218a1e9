//! Keeps other web sites out: a page anywhere can make its visitor's browser call a server on loopback.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use highwater_model::Problem;

use crate::api::problem::ApiError;

/// Refuses a `Host` that is not this machine (DNS rebinding), and whatever changes something or opens the live feed from
/// another origin.
pub async fn same_origin(request: Request, next: Next) -> Response {
    match check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => ApiError(problem).into_response(),
    }
}

fn check(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let host = text(headers, header::HOST);
    if let Some(host) = host
        && !is_loopback_host(host)
    {
        return Err(Problem::new(
            421,
            "wrong_host",
            "This server is not that host",
            "Without a login this server answers only under a loopback name: 127.0.0.1, [::1] or localhost.",
        )
        .with("host", host));
    }
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let socket =
        headers.contains_key(header::SEC_WEBSOCKET_KEY) || headers.contains_key(header::UPGRADE);
    if safe && !socket {
        return Ok(());
    }
    // Programs send no Origin; browsers always do for these.
    match text(headers, header::ORIGIN) {
        None => Ok(()),
        Some(origin)
            if host.is_some()
                && origin.split_once("://").map(|(_, authority)| authority) == host =>
        {
            Ok(())
        }
        Some(origin) => Err(Problem::new(
            403,
            "other_origin",
            "The request comes from another site",
            "A page of another site may not do this here; open Highwater's own page.",
        )
        .with("origin", origin)),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_loopback_names_are_hosts() {
        for host in [
            "localhost:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "LOCALHOST",
            "127.0.0.1",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:3000",
            "10.0.0.1",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn other_origin_may_read_but_not_write_or_listen() {
        let other = [
            ("host", "127.0.0.1:3000"),
            ("origin", "http://evil.example"),
        ];
        assert!(check(&Method::GET, &headers(&other)).is_ok());
        assert!(check(&Method::POST, &headers(&other)).is_err());
        let socket = [
            ("host", "127.0.0.1:3000"),
            ("origin", "http://evil.example"),
            ("upgrade", "websocket"),
        ];
        assert!(check(&Method::GET, &headers(&socket)).is_err());
        let own = [
            ("host", "127.0.0.1:3000"),
            ("origin", "http://127.0.0.1:3000"),
            ("upgrade", "websocket"),
        ];
        assert!(check(&Method::GET, &headers(&own)).is_ok());
        assert!(check(&Method::POST, &headers(&[("host", "127.0.0.1:3000")])).is_ok());
    }
}
