//! Keeps other web sites out: a page anywhere can make its visitor's browser call a server on loopback, or one where they are logged in.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use highwater_model::{LoginMode, Problem};

use crate::api::problem::ApiError;
use crate::state::AppState;

/// Refuses, where there is no login, a `Host` that is not this machine (DNS rebinding); and whatever changes something or opens the live feed from
/// another origin.
pub async fn same_origin(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let here = Here {
        login: state.gate.login(),
        origin: state.gate.origin(),
        tls: state.gate.tls(),
    };
    match check(request.method(), request.headers(), &here) {
        Ok(()) => next.run(request).await,
        Err(problem) => ApiError(problem).into_response(),
    }
}

/// What the server knows of where it is.
struct Here<'a> {
    login: LoginMode,
    origin: Option<&'a str>,
    /// It answers by TLS, so its own pages are by https.
    tls: bool,
}

fn check(method: &Method, headers: &HeaderMap, here: &Here<'_>) -> Result<(), Problem> {
    let host = text(headers, header::HOST);
    // With a login a foreign name gains nothing: the session's cookie is not of that name.
    if here.login == LoginMode::Local
        && let Some(host) = host
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
        Some(origin) if here.origin.is_some() && here.origin == Some(origin) => Ok(()),
        Some(origin) if host.is_some_and(|host| is_own(origin, host, here.tls)) => Ok(()),
        Some(origin) => Err(Problem::new(
            403,
            "other_origin",
            "The request comes from another site",
            "A page of another site may not do this here; open Highwater's own page.",
        )
        .with("origin", origin)),
    }
}

/// Whether a page of this origin is one of the host that was asked.
fn is_own(origin: &str, host: &str, tls: bool) -> bool {
    origin
        .split_once("://")
        .is_some_and(|(scheme, authority)| authority == host && (scheme == "https" || !tls))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a `Host` is this machine's own.
pub(crate) fn is_loopback_host(host: &str) -> bool {
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

    const LOCAL: Here<'_> = Here {
        login: LoginMode::Local,
        origin: None,
        tls: false,
    };

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
        assert!(check(&Method::GET, &headers(&other), &LOCAL).is_ok());
        assert!(check(&Method::POST, &headers(&other), &LOCAL).is_err());
        let socket = [
            ("host", "127.0.0.1:3000"),
            ("origin", "http://evil.example"),
            ("upgrade", "websocket"),
        ];
        assert!(check(&Method::GET, &headers(&socket), &LOCAL).is_err());
        let own = [
            ("host", "127.0.0.1:3000"),
            ("origin", "http://127.0.0.1:3000"),
            ("upgrade", "websocket"),
        ];
        assert!(check(&Method::GET, &headers(&own), &LOCAL).is_ok());
        assert!(
            check(
                &Method::POST,
                &headers(&[("host", "127.0.0.1:3000")]),
                &LOCAL
            )
            .is_ok()
        );
    }

    #[test]
    fn by_tls_only_an_https_page_of_the_same_host_may_write() {
        let here = Here { tls: true, ..LOCAL };
        let seen = |origin: &'static str| {
            let headers = headers(&[("host", "127.0.0.1:3000"), ("origin", origin)]);
            check(&Method::POST, &headers, &here).is_ok()
        };
        assert!(seen("https://127.0.0.1:3000"));
        for other in ["http://127.0.0.1:3000", "https://127.0.0.1", "null"] {
            assert!(!seen(other), "{other}");
        }
    }

    #[test]
    fn with_a_login_any_name_is_answered_and_only_the_known_origin_may_write() {
        let here = Here {
            login: LoginMode::Password,
            origin: Some("https://highwater.example"),
            tls: false,
        };
        let seen = |origin: &'static str| {
            let headers = headers(&[("host", "10.0.0.1:3000"), ("origin", origin)]);
            check(&Method::POST, &headers, &here).is_ok()
        };
        assert!(seen("https://highwater.example"));
        assert!(seen("http://10.0.0.1:3000"));
        for other in [
            "https://evil.example",
            "http://highwater.example",
            "null",
            "",
        ] {
            assert!(!seen(other), "{other}");
        }
    }
}
