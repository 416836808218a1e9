//! The router: API, pages, and what surrounds them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use highwater_model::Right;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::api::problem::{ApiError, as_problem, internal};
use crate::caller::know_caller;
use crate::guard::same_origin;
use crate::identity::approval::Orders;
use crate::identity::calls::Calls;
use crate::identity::check;
use crate::state::AppState;
use crate::{api, limits, pages, security, timing, traces};

/// How long a call that answers at once may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How large the body of a call may be that answers at once and is no append: the largest are definitions of read models, typed by people.
const BODY_BYTES: usize = 2 << 20;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The API's own description, which is not in itself.
const DOCUMENT: &str = "/api/openapi.json";

/// Everything that the server answers.
pub fn router(state: AppState) -> Router {
    let (quick, mut document) = api::routes().split_for_parts();
    let (lasting, lasting_document) = api::lasting_routes().split_for_parts();
    document.merge(lasting_document);
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    api::answers::describe(&mut document);
    let (calls, faults) = Calls::read(&document);
    for fault in faults {
        tracing::error!("{fault}; nobody gets it");
    }
    let calls = calls.with(Method::GET, DOCUMENT, Right::Read);
    let calls = calls.in_environment(state.environment.as_ref());
    let calls = Arc::new(calls.approved_in(&state));
    let document = Bytes::from(document.to_string());

    let quick = quick
        .route(
            DOCUMENT,
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            TIMEOUT,
        ));
    // Inside the compression, so that pages that ask it in process get plain text.
    let check = from_fn_with_state(calls, check::check);
    let quick = quick
        .layer(check.clone())
        .layer(from_fn(as_problem))
        .with_state(state.clone());
    let lasting = lasting
        .layer(from_fn_with_state(state.clone(), limits::patiently))
        .layer(check)
        .layer(from_fn(as_problem))
        .with_state(state.clone());
    let pages = pages::router(state.clone(), quick.clone());
    let orders = Orders(quick.clone().merge(lasting.clone()));

    pages
        .merge(quick)
        .layer(CompressionLayer::new())
        .merge(lasting)
        .layer(Extension(orders))
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
                .layer(TraceLayer::new_for_http().make_span_with(span))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(from_fn(traces::trace))
                .layer(from_fn(timing::measure))
                .layer(from_fn_with_state(state.clone(), security::headers))
                .layer(CatchPanicLayer::custom(panicked))
                .layer(from_fn_with_state(state.clone(), same_origin))
                .layer(from_fn_with_state(state.clone(), limits::limit_unknown))
                .layer(from_fn_with_state(state.clone(), know_caller))
                .layer(from_fn_with_state(state, limits::limit_callers)),
        )
}

/// Without the query: a filter line may quote data.
fn span(request: &Request) -> tracing::Span {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    let path = shown(request.uri().path());
    tracing::info_span!("http", method = %request.method(), path, id)
}

/// A path, as logs and traces may have it: what leads to the Stage is a secret itself.
pub(crate) fn shown(path: &str) -> &str {
    if path.starts_with("/share/") {
        "/share/…"
    } else {
        path
    }
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
