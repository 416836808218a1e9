//! Security headers, and the nonce that lets the page's own scripts run.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::guard::is_loopback_host;
use crate::state::AppState;

/// How long browsers ask this host by https only, in seconds: a year.
const HTTPS_ONLY: &str = "max-age=31536000";

/// The nonce of one answer; the page writes it into its inline scripts.
#[derive(Debug, Clone)]
pub struct ScriptNonce(pub Arc<str>);

/// Gives the request its nonce and the response its headers.
pub async fn headers(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let nonce: Arc<str> = Arc::from(state.store.ids().random().simple().to_string());
    request
        .extensions_mut()
        .insert(ScriptNonce(Arc::clone(&nonce)));
    let https_only = state.gate.tls() && !is_on_loopback(&request);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    if https_only {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(HTTPS_ONLY),
        );
    }
    // What the API answers is of the moment; the site's files say themselves how long they last.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Browsers keep what they were told for a host, whatever its port: this machine's own has other servers, which know no https.
fn is_on_loopback(request: &Request) -> bool {
    let host = request.headers().get(header::HOST);
    host.and_then(|host| host.to_str().ok())
        .is_none_or(is_loopback_host)
}
