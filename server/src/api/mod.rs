//! The API under `/api`: one file an area, a handler is look up, do, answer.
//!
//! # Adding a call
//! Write the handler in the file of its area with `#[utoipa::path]`, say there which right it needs (`security(("login" = ["read"]))`, or
//! `security(())` for everybody; without it nobody gets it), add it to that file's `routes()`; the router and the OpenAPI
//! document both come from there. An order that changes what readers see, or can lose something, is confirmed in production: say by which
//! part of its path (`extensions(("x-confirm" = json!("name")))`), and that it may answer 428. Refusals are [`problem::ApiError`];
//! extractors come from [`extract`], so that theirs are too; those that any call may give are described in `answers.rs`, once.

pub mod actions;
pub mod alerts;
pub(crate) mod answers;
pub mod append;
mod append_traced;
pub mod approvals;
pub mod categories;
pub mod charts;
pub mod check;
pub mod cloud_events;
pub mod deliveries;
pub mod demo;
mod download;
pub mod event_types;
pub mod events;
pub mod export;
pub mod extract;
pub mod failures;
mod few;
pub mod find;
pub mod flow_map;
pub mod flows;
pub mod health;
pub mod histogram;
pub mod import;
mod import_lines;
pub mod jobs;
mod join;
pub mod lag_history;
mod list_export;
pub mod live;
pub mod maintenance;
pub mod masking;
pub(crate) mod oidc;
pub mod orders;
pub mod parked;
pub mod problem;
pub mod read_model;
mod read_model_problem;
pub mod read_models;
pub mod rebuild;
mod record_export;
pub(crate) mod redirect;
pub mod replay;
pub mod rows;
mod sent;
pub mod session;
pub mod shares;
pub mod state_definitions;
pub mod store;
pub mod stream;
pub mod stream_state;
pub mod streams;
mod subscription_problem;
pub mod subscriptions;
pub mod tokens;
pub mod users;
pub mod views;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// The document's head.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Highwater",
        description = "The event store, its log, the live feed, and read models. Refusals are `application/problem+json` (RFC 9457) with a stable `type`. \
            In production a call with `x-confirm` takes the header `Highwater-Confirm`: what stands in the part of its path of that name, percent-encoded. \
            With `--approval` it is then kept until a second person has agreed to it, unless it has `x-alone`: 202, and the request."
    ),
    modifiers(&Login),
    components(schemas(
        // Of parameters, which bring no schemas along.
        events::Way,
        charts::ChartTheme,
        highwater_model::Span,
        highwater_model::AlertState,
        highwater_model::AlertEvent,
        highwater_model::StreamOrder,
        highwater_model::FlowOrder,
        highwater_model::FlowShown,
        highwater_model::VersionRole,
        download::FileFormat,
        highwater_model::DiffKind,
        highwater_model::JobKind,
        highwater_model::JobState,
        highwater_model::Problem,
        highwater_model::live::ClientMessage,
        highwater_model::ServerMessage
    ))
)]
struct Document;

/// How callers say who they are; `security` of a call says which right it needs.
struct Login;

impl utoipa::Modify for Login {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description = Some(
            "A token that an admin makes; browsers have a session's cookie instead. The names behind it are rights, one of which is needed.".to_owned(),
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("login", SecurityScheme::Http(bearer));
    }
}

/// Calls that answer at once: they get a timeout and compression.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(append::routes())
        .merge(events::routes())
        .merge(histogram::routes())
        .merge(charts::routes())
        .merge(stream::routes())
        .merge(stream_state::routes())
        .merge(state_definitions::routes())
        .merge(streams::routes())
        .merge(flows::routes())
        .merge(flow_map::routes())
        .merge(find::routes())
        .merge(views::routes())
        .merge(event_types::routes())
        .merge(categories::routes())
        .merge(read_models::routes())
        .merge(lag_history::routes())
        .merge(read_model::routes())
        .merge(orders::routes())
        .merge(failures::routes())
        .merge(jobs::routes())
        .merge(rows::routes())
        .merge(subscriptions::routes())
        .merge(parked::routes())
        .merge(deliveries::routes())
        .merge(actions::routes())
        .merge(alerts::routes())
        .merge(approvals::routes())
        .merge(demo::routes())
        .merge(store::routes())
        .merge(maintenance::routes())
        .merge(health::routes())
        .merge(session::routes())
        .merge(join::routes())
        .merge(users::routes())
        .merge(shares::routes())
        .merge(tokens::routes())
        .merge(masking::routes())
}

/// Calls that last: no timeout, no compression, a body of any size where there is one.
pub fn lasting_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(import::routes())
        .merge(export::routes())
        .merge(list_export::routes())
        .merge(check::routes())
        .merge(approvals::lasting_routes())
        .merge(rebuild::routes())
        .merge(replay::routes())
        .merge(jobs::lasting_routes())
        .merge(record_export::routes())
        .merge(live::routes())
}
