//! Who calls. Every request passes here, so that rights can be added without touching a handler.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their name, as the audit log will have it.
    pub name: Arc<str>,
}

/// Puts the [`Caller`] into the request. Today the server listens on loopback only, and everyone there is the operator `local`.
pub async fn know_caller(mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Caller>().is_none() {
        request.extensions_mut().insert(Caller {
            name: Arc::from("local"),
        });
    }
    next.run(request).await
}
