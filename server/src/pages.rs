//! The console's pages, rendered on the server. While a page is rendered it asks the same API router that everybody asks.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use highwater_app::PageStatus;
use highwater_app::api::{ApiTransport, TransportFuture};
use leptos::prelude::provide_context;
use tower::ServiceExt;

use crate::api::problem::ApiError;
use crate::api::redirect::{path_here, percent, see_other};
use crate::api::{oidc, shares};
use crate::caller::{Caller, KnownBy, NotIdentified};
use crate::security::ScriptNonce;
use crate::site;
use crate::state::AppState;

/// How large an answer of the API a page takes.
const ANSWER_BYTES: usize = 64 << 20;

/// Pages that are there before the login.
const BEFORE_LOGIN: [&str; 2] = ["/login", "/join"];

/// What the pages need.
#[derive(Clone)]
struct Pages {
    state: AppState,
    api: Router,
}

/// The pages, the site's files, and what is said where there is neither.
pub fn router(state: AppState, api: Router) -> Router {
    let mut router = Router::new();
    if state.site.is_built() {
        for listing in leptos_axum::generate_route_list(highwater_app::App) {
            router = router.route(listing.path(), get(page));
        }
    }
    let shared = get(shares::open).with_state(state.clone());
    router = router.route("/share/{key}", shared);
    if state.gate.provider().is_some() {
        let (begin, callback) = (get(oidc::begin), get(oidc::callback));
        router = router
            .route("/login/oidc", begin.with_state(state.clone()))
            .route("/login/oidc/callback", callback.with_state(state.clone()));
    }
    router.fallback(elsewhere).with_state(Pages { state, api })
}

async fn page(State(pages): State<Pages>, request: Request) -> Response {
    render(pages, request).await
}

/// Files of the site, then the page that says that there is no such page.
async fn elsewhere(State(pages): State<Pages>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return ApiError::not_found(
            "path",
            format!("There is nothing at {path}; /api/openapi.json lists what there is."),
        )
        .into_response();
    }
    if let Some(file) = site::file(path, request.headers()) {
        return file;
    }
    if !pages.state.site.is_built() {
        return (StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response();
    }
    render(pages, request).await
}

/// Who is not logged in yet goes there first, and comes back then. Which pages there are is nobody's business before. Who is logged in
/// already has nothing to do there.
fn to_the_login(request: &Request) -> Option<Response> {
    let path = request.uri().path();
    let caller = request.extensions().get::<Caller>()?;
    if path == "/login" && matches!(caller.by, KnownBy::Session(_)) {
        return Some(see_other(&after_login(request.uri())));
    }
    if matches!(caller.by, KnownBy::Share(_)) && path != "/stage" && !BEFORE_LOGIN.contains(&path) {
        return Some(see_other("/stage"));
    }
    let is_unknown = request.extensions().get::<NotIdentified>().is_some();
    if caller.by != KnownBy::Nothing || is_unknown || BEFORE_LOGIN.contains(&path) {
        return None;
    }
    let here = request
        .uri()
        .path_and_query()
        .map_or("/", |here| here.as_str());
    let place = format!("/login?next={}", percent(here));
    Some(see_other(&place))
}

/// Where somebody goes who asks for the login and has one.
fn after_login(uri: &Uri) -> String {
    #[derive(serde::Deserialize)]
    struct Next {
        next: Option<String>,
    }
    let query = uri.query().unwrap_or_default();
    let next = serde_urlencoded::from_str(query).map_or(None, |Next { next }| next);
    path_here(next.as_deref()).unwrap_or("/").to_owned()
}

async fn render(pages: Pages, request: Request) -> Response {
    if let Some(elsewhere) = to_the_login(&request) {
        return elsewhere;
    }
    let nonce = request.extensions().get::<ScriptNonce>().cloned();
    let caller = request.extensions().get::<Caller>().cloned();
    let unknown = request.extensions().get::<NotIdentified>().cloned();
    let transport = transport(pages.api, caller, unknown);
    let status = PageStatus::default();
    let said = status.clone();
    let (options, css) = (pages.state.leptos.clone(), pages.state.site.css.clone());
    let render = leptos_axum::render_app_async_with_context(
        move || {
            if let Some(ScriptNonce(nonce)) = &nonce {
                provide_context(leptos::nonce::Nonce::from_value(Arc::clone(nonce)));
            }
            provide_context(transport.clone());
            provide_context(status.clone());
            provide_context(highwater_app::Site { css: css.clone() });
        },
        move || highwater_app::shell(options.clone()),
    );
    let mut response = render(request).await;
    // The page is whole by now: it is rendered at once, not streamed.
    if let Some(status) = said
        .said()
        .and_then(|status| StatusCode::from_u16(status).ok())
    {
        *response.status_mut() = status;
    }
    response
}

/// Asks the API in process, with the visitor's own identity.
fn transport(api: Router, caller: Option<Caller>, unknown: Option<NotIdentified>) -> ApiTransport {
    ApiTransport::new(Arc::new(move |path: String| -> TransportFuture {
        let (api, caller, unknown) = (api.clone(), caller.clone(), unknown.clone());
        Box::pin(async move {
            let mut request = Request::builder()
                .uri(&path)
                .header(header::ACCEPT, "application/json");
            if let Some(caller) = caller {
                request = request.extension(caller);
            }
            if let Some(unknown) = unknown {
                request = request.extension(unknown);
            }
            let request = request
                .body(Body::empty())
                .map_err(|error| format!("{path} can't be asked: {error}"))?;
            let response = match api.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), ANSWER_BYTES)
                .await
                .map_err(|error| format!("{path} broke off: {error}"))?;
            let text =
                String::from_utf8(body.to_vec()).map_err(|_| format!("{path} answered no text"))?;
            Ok((status, text))
        })
    }))
}

const NOT_BUILT: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Highwater</title></head><body><h1>Highwater</h1>\
<p>The API runs. This program was built without its console: <code>cargo xtask build</code> builds both.</p>\
<p><a href=\"/api/openapi.json\">The API</a> · <a href=\"/api/events?direction=backward\">The newest events</a> · <a href=\"/api/store\">The store</a></p></body></html>";
