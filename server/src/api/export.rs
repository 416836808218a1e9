//! Export: `GET /api/export`, exactly what import takes.

use std::io;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use highwater_model::filter::Filter;
use highwater_model::{ImportLine, Position, Problem, RecordedEvent, Sight};
use highwater_store::{Direction, LogQuery};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::download::patiently;
use super::extract::Query;
use super::problem::ApiResult;
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// The filter line; everything unless given.
    filter: Option<String>,
}

/// A line of the export: an [`ImportLine`] without what only the log gives.
#[derive(Serialize)]
struct ExportLine<'a> {
    stream: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    id: uuid::Uuid,
    occurred_at: jiff::Timestamp,
    data: &'a serde_json::value::RawValue,
    metadata: &'a serde_json::value::RawValue,
}

/// The log as NDJSON, oldest first, up to the event that is the newest when it gets there.
#[utoipa::path(get, path = "/api/export", security(("login" = ["read"])), tag = "read", params(ExportParams),
    responses((status = 200, body = ImportLine, content_type = "application/x-ndjson"), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "not_allowed: the filter asks for what you may not see", body = Problem, content_type = "application/problem+json")))]
async fn export(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<ExportParams>,
) -> ApiResult<Response> {
    let filter = sight::filter(&caller, params.filter.as_deref())?;
    let sight = caller.sight();
    let pages = stream::unfold(Some(Position::ZERO), move |after| {
        let (store, filter, sight) = (state.store.clone(), filter.clone(), sight.clone());
        async move { page(&store, filter, after?, &sight).await }
    });
    Ok((
        [(header::CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(pages),
    )
        .into_response())
}

type Page = (io::Result<Bytes>, Option<Position>);

async fn page(
    store: &highwater_store::Store,
    filter: Filter,
    after: Position,
    sight: &Sight,
) -> Option<Page> {
    let query = LogQuery {
        after: Some(after),
        limit: 1_000,
        direction: Direction::Forward,
        filter,
        ..LogQuery::default()
    };
    match patiently(|| store.read_log(query.clone())).await {
        Ok(page) => Some((lines(&sight::all(sight, page.events)), page.next)),
        Err(error) => {
            // The head of the answer is gone already: breaking it off is the one way left to say that it isn't whole.
            tracing::error!(%error, after = after.0, "export broke off");
            Some((Err(io::Error::other(error)), None))
        }
    }
}

fn lines(events: &[RecordedEvent]) -> io::Result<Bytes> {
    let mut text = Vec::with_capacity(events.len() * 256);
    for event in events {
        let line = ExportLine {
            stream: event.stream.as_str(),
            event_type: &event.event_type,
            id: event.id,
            occurred_at: event.occurred_at,
            data: &event.data,
            metadata: &event.metadata,
        };
        serde_json::to_writer(&mut text, &line)?;
        text.push(b'\n');
    }
    Ok(Bytes::from(text))
}
