//! What the console lists, as a file: `GET /api/export/events`, `…/streams`, `…/flows`.

use std::convert::identity;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use highwater_model::filter::Filter;
use highwater_model::{
    FlowOrder, FlowShown, FlowState, FlowSummary, Position, Problem, RecordedEvent, StreamOrder,
    StreamSummary,
};
use highwater_store::flows::FlowQuery;
use highwater_store::{Direction, LogQuery, Store, StoreError, StreamQuery};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::download::{Exported, FileFormat, download};
use super::extract::Query;
use super::problem::ApiResult;
use crate::caller::Caller;
use crate::identity::sight;
use crate::state::AppState;

/// Of the list that is read at once.
const PAGE: usize = 1_000;

/// The calls of this area.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(events_export))
        .routes(routes!(streams_export))
        .routes(routes!(flows_export))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsExportParams {
    /// `csv`, or `ndjson` unless given.
    format: Option<FileFormat>,
    /// The filter line; everything unless given.
    filter: Option<String>,
}

/// Events as they are recorded, with their positions and versions, oldest first; `GET /api/export` has them as import takes them.
#[utoipa::path(get, path = "/api/export/events", security(("login" = ["read"])), tag = "read", params(EventsExportParams),
    responses((status = 200, description = "An event a line", content((RecordedEvent = "application/x-ndjson"), (String = "text/csv"))),
              (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "not_allowed: the filter asks for what you may not see", body = Problem, content_type = "application/problem+json")))]
async fn events_export(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<EventsExportParams>,
) -> ApiResult<Response> {
    let filter = sight::filter(&caller, params.filter.as_deref())?;
    let format = params.format.unwrap_or_default();
    let (store, sight) = (state.store.clone(), caller.sight());
    let seen = move |event: RecordedEvent| sight.of(event);
    Ok(download::<RecordedEvent>(
        store, filter, "events", format, seen,
    ))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamsExportParams {
    /// `csv`, or `ndjson` unless given.
    format: Option<FileFormat>,
    /// Part of the name.
    query: Option<String>,
    /// One category.
    category: Option<String>,
    /// `active` (newest activity first) unless given, or `name`.
    order: Option<StreamOrder>,
}

/// The list of streams. By activity, a stream that is appended to while it is written may be missing.
#[utoipa::path(get, path = "/api/export/streams", security(("login" = ["read"])), tag = "read", params(StreamsExportParams),
    responses((status = 200, description = "A stream a line", content((StreamSummary = "application/x-ndjson"), (String = "text/csv"))),
              (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn streams_export(
    State(state): State<AppState>,
    Query(params): Query<StreamsExportParams>,
) -> Response {
    let query = StreamQuery {
        query: params.query.filter(|text| !text.is_empty()),
        category: params.category.filter(|text| !text.is_empty()),
        order: params.order.unwrap_or_default(),
        limit: PAGE,
        cursor: None,
    };
    let format = params.format.unwrap_or_default();
    download::<StreamSummary>(state.store.clone(), query, "streams", format, identity)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FlowsExportParams {
    /// `csv`, or `ndjson` unless given.
    format: Option<FileFormat>,
    /// Only those that begin with this type.
    kind: Option<String>,
    /// Only those in this state; `all` unless given.
    shown: Option<FlowShown>,
    /// The filter line: only those with an event that it lets through.
    filter: Option<String>,
    /// `newest` unless given. The slowest are one page.
    order: Option<FlowOrder>,
}

/// The list of flows.
#[utoipa::path(get, path = "/api/export/flows", security(("login" = ["read"])), tag = "read", params(FlowsExportParams),
    responses((status = 200, description = "A flow a line", content((FlowSummary = "application/x-ndjson"), (String = "text/csv"))),
              (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "not_allowed: the filter asks for what you may not see", body = Problem, content_type = "application/problem+json")))]
async fn flows_export(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<FlowsExportParams>,
) -> ApiResult<Response> {
    let query = FlowQuery {
        kind: params.kind.filter(|kind| !kind.is_empty()),
        shown: params.shown.unwrap_or_default(),
        filter: sight::filter(&caller, params.filter.as_deref())?,
        order: params.order.unwrap_or_default(),
        cursor: None,
        limit: PAGE,
    };
    let format = params.format.unwrap_or_default();
    let store = state.store.clone();
    Ok(download::<FlowSummary>(
        store, query, "flows", format, identity,
    ))
}

impl Exported for RecordedEvent {
    const NAMES: &'static [&'static str] = &[
        "position",
        "stream",
        "version",
        "type",
        "id",
        "occurred_at",
        "recorded_at",
        "data",
        "metadata",
    ];

    type Query = Filter;
    type Cursor = Position;

    async fn read(
        store: &Store,
        query: &Filter,
        from: Option<Position>,
    ) -> Result<(Vec<Self>, Option<Position>), StoreError> {
        let query = LogQuery {
            after: Some(from.unwrap_or(Position::ZERO)),
            limit: PAGE,
            direction: Direction::Forward,
            filter: query.clone(),
            ..LogQuery::default()
        };
        let page = store.read_log(query).await?;
        Ok((page.events, page.next))
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.position.to_string(),
            self.stream.to_string(),
            self.version.to_string(),
            self.event_type.clone(),
            self.id.to_string(),
            self.occurred_at.to_string(),
            self.recorded_at.to_string(),
            self.data.get().to_owned(),
            self.metadata.get().to_owned(),
        ]
    }
}

impl Exported for StreamSummary {
    const NAMES: &'static [&'static str] = &[
        "stream",
        "category",
        "last_version",
        "last_position",
        "last_type",
        "first_recorded_at",
        "last_recorded_at",
    ];

    type Query = StreamQuery;
    type Cursor = String;

    async fn read(
        store: &Store,
        query: &StreamQuery,
        from: Option<String>,
    ) -> Result<(Vec<Self>, Option<String>), StoreError> {
        let query = StreamQuery {
            cursor: from,
            ..query.clone()
        };
        let list = store.streams(query).await?;
        Ok((list.streams, list.next))
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.stream.to_string(),
            self.category.clone(),
            self.last_version.to_string(),
            self.last_position.to_string(),
            self.last_type.clone(),
            self.first_recorded_at.to_string(),
            self.last_recorded_at.to_string(),
        ]
    }
}

impl Exported for FlowSummary {
    const NAMES: &'static [&'static str] = &[
        "correlation_id",
        "kind",
        "state",
        "late",
        "outcome",
        "last_type",
        "events",
        "first_position",
        "last_position",
        "began_at",
        "ended_at",
        "duration_ms",
    ];

    type Query = FlowQuery;
    type Cursor = Position;

    async fn read(
        store: &Store,
        query: &FlowQuery,
        from: Option<Position>,
    ) -> Result<(Vec<Self>, Option<Position>), StoreError> {
        let query = FlowQuery {
            cursor: from,
            ..query.clone()
        };
        let list = store.flows(query).await?;
        Ok((list.flows, list.next))
    }

    fn fields(&self) -> Vec<String> {
        let state = match self.state {
            FlowState::NoRule => "no_rule",
            FlowState::Unfinished => "unfinished",
            FlowState::Finished => "finished",
        };
        vec![
            self.correlation_id.to_string(),
            self.kind.clone(),
            state.to_owned(),
            self.late.to_string(),
            self.outcome.clone().unwrap_or_default(),
            self.last_type.clone(),
            self.events.to_string(),
            self.first_position.to_string(),
            self.last_position.to_string(),
            self.began_at.to_string(),
            self.ended_at.to_string(),
            self.duration_ms().to_string(),
        ]
    }
}
