//! The router: API, pages, and what surrounds them.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::api::problem::{ApiError, as_problem, internal};
use crate::caller::know_caller;
use crate::guard::same_origin;
use crate::state::AppState;
use crate::{api, pages, security};

/// How long a call that answers at once may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What a request may hold beside its events' data and metadata: names, quotes, white space.
const FRAME_BYTES: usize = 4 << 20;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything that the server answers.
pub fn router(state: AppState) -> Router {
    let (quick, mut document) = api::routes().split_for_parts();
    let (lasting, lasting_document) = api::lasting_routes().split_for_parts();
    document.merge(lasting_document);
    let document = Bytes::from(document.to_json().unwrap_or_default());
    let body_limit = state
        .store
        .limits()
        .append_bytes
        .saturating_add(FRAME_BYTES);

    let quick = quick
        .route(
            "/api/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            TIMEOUT,
        ));
    // Inside the compression, so that pages that ask it in process get plain text.
    let quick = quick.layer(from_fn(as_problem)).with_state(state.clone());
    let lasting = lasting.layer(from_fn(as_problem)).with_state(state.clone());
    let pages = pages::router(state.clone(), quick.clone());

    pages
        .merge(quick)
        .layer(CompressionLayer::new())
        .merge(lasting)
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
                .layer(TraceLayer::new_for_http().make_span_with(span))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(from_fn_with_state(state, security::headers))
                .layer(CatchPanicLayer::custom(panicked))
                .layer(from_fn(same_origin))
                .layer(from_fn(know_caller)),
        )
}

/// Without the query: a filter line may quote data.
fn span(request: &Request) -> tracing::Span {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    tracing::info_span!("http", method = %request.method(), path = request.uri().path(), id)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that CatchPanicLayer asks for"
)]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(panic = what.unwrap_or_default(), "a handler panicked");
    ApiError(internal()).into_response()
}
