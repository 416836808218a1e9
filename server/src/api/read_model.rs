//! One read model: `GET` and `PUT /api/read-models/{name}`, `GET …/lag`.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use highwater_model::read_model_definition::{DEFINITION_BYTES, check_name};
use highwater_model::{
    DefineOutcome, DefinedReadModel, HandledAnswer, LagPoint, Position, Problem, ReadModel,
    VersionRole,
};
use highwater_store::read_models::{Defined, HandledUpTo, ReadModelError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::extract::{Path, Query, body, not_negative, out_of_range};
use super::orders::order;
use super::problem::{ApiError, ApiResult};
use super::read_model_problem::unknown;
use crate::caller::Caller;
use crate::identity::seen;
use crate::state::AppState;

/// How long a caller may wait: less than the router gives a call.
const WAIT_MAX_S: i64 = 25;
/// How long it waits unless it says.
const WAIT_S: i64 = 5;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_model, put_read_model))
        .routes(routes!(lag_history))
}

/// The name in a path; what can't be a name is no read model's.
pub(super) fn known_name(name: &str) -> ApiResult<()> {
    check_name(name).map_err(|_| unknown(name))
}

/// The version that readers query.
pub(super) async fn live_version(state: &AppState, name: &str) -> ApiResult<i64> {
    let read_model = state.store.read_model(name).await?;
    let live = read_model
        .versions
        .iter()
        .find(|version| version.role == VersionRole::Live);
    live.map(|version| version.id).ok_or_else(|| unknown(name))
}

/// Whether something has been handled.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadModelParams {
    /// Answers whether everything up to this position has been handled.
    position: Option<i64>,
    /// The same, when it has been, or when the time is over.
    wait: Option<i64>,
    /// With `wait`, in seconds: 0 to 25, 5 unless given.
    timeout: Option<i64>,
}

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ReadModelAnswer {
    /// Without `position` and `wait`.
    ReadModel(Box<ReadModel>),
    /// With one of them.
    Handled(HandledAnswer),
}

/// State, checkpoint, lag, rate, trend, versions, the event that it stands on. With `position` or `wait`, whether everything up to
/// there has been handled.
#[utoipa::path(get, path = "/api/read-models/{name}", security(("login" = ["read"])), tag = "read models", params(("name" = String, Path), ReadModelParams),
    responses((status = 200, body = ReadModelAnswer),
              (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "beyond_head", body = Problem, content_type = "application/problem+json")))]
async fn read_model(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(params): Query<ReadModelParams>,
) -> ApiResult<Json<ReadModelAnswer>> {
    known_name(&name)?;
    let wait = not_negative("wait", params.wait)?;
    let position = not_negative("position", params.position)?;
    if params.timeout.is_some() && wait.is_none() || wait.is_some() && position.is_some() {
        return Err(ApiError::bad_request(
            "bad_query",
            "The query parameters are not right",
            "position asks at once, wait waits, and timeout says how long wait does; give position, or wait with or without timeout.",
        ));
    }
    let timeout = match params.timeout {
        None => WAIT_S,
        Some(seconds @ 0..=WAIT_MAX_S) => seconds,
        Some(seconds) => return Err(out_of_range("timeout", seconds, "0 to 25 seconds")),
    };
    let Some(asked) = position.or(wait).map(Position) else {
        let read_model = seen::read_model(&state, &caller, &name).await?;
        return Ok(Json(ReadModelAnswer::ReadModel(Box::new(read_model))));
    };
    let head = state.store.mark().await?.position;
    if asked > head {
        return Err(ApiError(
            Problem::new(
                422,
                "beyond_head",
                "The position is not recorded yet",
                format!("The log ends at {head}; there is nothing at {asked} that could be handled. Ask with a position that an append answered."),
            )
            .with("head", head.0)
            .with("position", asked.0),
        ));
    }
    let HandledUpTo {
        handled,
        checkpoint,
    } = if wait.is_some() {
        let timeout = Duration::from_secs(timeout.unsigned_abs());
        state
            .read_models
            .wait_until_handled(&name, asked, timeout)
            .await?
    } else {
        state.read_models.handled(&name, asked).await?
    };
    Ok(Json(ReadModelAnswer::Handled(HandledAnswer {
        name,
        position: asked,
        handled,
        checkpoint,
    })))
}

/// Why a definition is put.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PutParams {
    /// Why; the audit log keeps it.
    reason: Option<String>,
}

/// Takes in a definition: a new one starts (201), a changed one waits beside the live one for its rebuild (202), the same does
/// nothing (200). An error carries its `line` and `column`.
#[utoipa::path(put, path = "/api/read-models/{name}", security(("login" = ["define"])), extensions(("x-confirm" = json!("name"))), tag = "read models", params(("name" = String, Path), PutParams),
    request_body(content = String, content_type = "text/plain", description = "The definition's text"),
    responses((status = 201, description = "A new read model", body = DefinedReadModel),
              (status = 202, description = "It waits: for its rebuild, or for an administrator of the database", body = DefinedReadModel),
              (status = 200, description = "Nothing changed", body = DefinedReadModel),
              (status = 409, description = "schema_taken, refused", body = Problem, content_type = "application/problem+json"),
              (status = 422, description = "bad_definition, bad_name", body = Problem, content_type = "application/problem+json"),
              (status = 428, description = "confirmation_needed", body = Problem, content_type = "application/problem+json")))]
async fn put_read_model(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(params): Query<PutParams>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> ApiResult<Response> {
    check_name(&name).map_err(ReadModelError::from)?;
    let order = order(&caller, params.reason)?;
    let text = definition_text(request, &state).await?;
    let (status, outcome, version_id, statements) =
        match state.read_models.put(&name, &text, &order).await? {
            Defined::Unchanged => (StatusCode::OK, DefineOutcome::Unchanged, None, Vec::new()),
            Defined::Started { version_id } => (
                StatusCode::CREATED,
                DefineOutcome::Started,
                Some(version_id),
                Vec::new(),
            ),
            Defined::Waiting { version_id } => (
                StatusCode::ACCEPTED,
                DefineOutcome::Waiting,
                Some(version_id),
                Vec::new(),
            ),
            Defined::WaitsForAdministrator {
                version_id,
                statements,
            } => (
                StatusCode::ACCEPTED,
                DefineOutcome::WaitsForAdministrator,
                Some(version_id),
                statements,
            ),
        };
    let defined = DefinedReadModel {
        name,
        outcome,
        version_id,
        statements,
    };
    Ok((status, Json(defined)).into_response())
}

/// The body, as the text that it is.
pub(super) async fn definition_text(request: Request, state: &AppState) -> ApiResult<String> {
    let bytes = body(request, state).await?;
    if bytes.len() > DEFINITION_BYTES {
        return Err(ApiError(
            Problem::new(
                413,
                "body_too_large",
                "The body is too large",
                format!("A definition has up to {} KiB.", DEFINITION_BYTES >> 10),
            )
            .with("bytes", bytes.len())
            .with("limit", DEFINITION_BYTES),
        ));
    }
    String::from_utf8(bytes.into()).map_err(|error| {
        ApiError(
            Problem::new(
                422,
                "bad_definition",
                "The definition is not right",
                "The text is not UTF-8; save the file as UTF-8 and send it again.",
            )
            .with("at", error.utf8_error().valid_up_to()),
        )
    })
}

/// Which part of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LagParams {
    /// RFC 3339; an hour ago unless given.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Seconds between two points: 1 (kept for an hour), 10 (a day) or 60 (30 days). The finest that reaches back to `since` unless
    /// given.
    step: Option<i64>,
}

/// How the live version's lag was, oldest first.
#[utoipa::path(get, path = "/api/read-models/{name}/lag", security(("login" = ["read"])), tag = "read models", params(("name" = String, Path), LagParams),
    responses((status = 200, body = Vec<LagPoint>), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn lag_history(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(params): Query<LagParams>,
) -> ApiResult<Json<Vec<LagPoint>>> {
    known_name(&name)?;
    let now = state.store.clock().now();
    let hour_ago = now
        .checked_sub(SignedDuration::from_hours(1))
        .unwrap_or(now);
    let since = params.since.unwrap_or(hour_ago);
    let step = match params.step {
        Some(step @ (1 | 10 | 60)) => step,
        Some(step) => return Err(out_of_range("step", step, "1, 10 or 60 seconds")),
        None => match now.duration_since(since).as_hours() {
            ..=1 => 1,
            2..=24 => 10,
            _ => 60,
        },
    };
    let version_id = live_version(&state, &name).await?;
    Ok(Json(
        state.store.lag_history(version_id, since, step).await?,
    ))
}
