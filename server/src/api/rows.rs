//! Rows of a read model: `GET /api/read-models/{name}/rows`.

use axum::extract::State;
use axum::{Extension, Json};
use highwater_model::{Problem, RowsPage, VersionRole};
use highwater_store::read_models::{RowsError, RowsQuery};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::events::Way;
use super::extract::{Path, Query, limit};
use super::problem::{ApiError, ApiResult};
use super::read_model::known_name;
use crate::caller::Caller;
use crate::identity::seen;
use crate::state::AppState;

/// The calls of this area.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(rows))
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RowsParams {
    /// The table; the first one that the definition makes unless given.
    table: Option<String>,
    /// `live` unless given, or `shadow`, `previous`.
    version: Option<VersionRole>,
    /// The column to order by; the primary key unless given.
    order: Option<String>,
    /// With `order`: only rows in which that column has this value.
    equals: Option<String>,
    /// `forward` (smallest first) unless given, or `backward`.
    direction: Option<Way>,
    /// 1 to 1,000; 100 unless given. With large rows a page has fewer.
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Rows of one table, read as the role that owns it.
#[utoipa::path(get, path = "/api/read-models/{name}/rows", security(("login" = ["read"])), tag = "read models", params(("name" = String, Path), RowsParams),
    responses((status = 200, body = RowsPage), (status = 400, body = Problem, content_type = "application/problem+json"),
              (status = 403, description = "masked: its rows may hold masked fields", body = Problem, content_type = "application/problem+json"),
              (status = 404, description = "not_found: the read model, the version or the table", body = Problem, content_type = "application/problem+json"),
              (status = 504, body = Problem, content_type = "application/problem+json")))]
async fn rows(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(params): Query<RowsParams>,
) -> ApiResult<Json<RowsPage>> {
    known_name(&name)?;
    let query = RowsQuery {
        role: params.version.unwrap_or(VersionRole::Live),
        table: params.table.filter(|table| !table.is_empty()),
        order: params.order.filter(|column| !column.is_empty()),
        equals: params.equals,
        direction: params.direction.unwrap_or_default().into(),
        limit: limit(params.limit)?,
        cursor: params.cursor.filter(|cursor| !cursor.is_empty()),
    };
    let rows = state.store.rows(&name, &query).await?;
    seen::rows(&state, &caller, &name).await?;
    Ok(Json(rows))
}

impl From<RowsError> for ApiError {
    fn from(error: RowsError) -> Self {
        let detail = error.to_string();
        let bad_query = || {
            Problem::new(
                400,
                "bad_query",
                "The query parameters are not right",
                detail.clone(),
            )
        };
        let not_found = |what: &str| {
            Problem::new(404, "not_found", "Not found", detail.clone()).with("what", what)
        };
        Self(match error {
            RowsError::ReadModel(error) => return error.into(),
            RowsError::NoVersion { roles, .. } => not_found("version").with("versions", roles),
            RowsError::NoTables { .. } => not_found("tables"),
            RowsError::UnknownTable { tables, .. } => not_found("table").with("tables", tables),
            RowsError::UnknownColumn { columns, .. } => bad_query()
                .with("parameter", "order")
                .with("columns", columns),
            RowsError::NoOrder { .. } => bad_query().with("parameter", "order"),
            RowsError::NoColumn | RowsError::BadValue { .. } => {
                bad_query().with("parameter", "equals")
            }
            RowsError::BadCursor => bad_query().with("parameter", "cursor"),
            RowsError::TooSlow => Problem::new(504, "too_slow", "The query took too long", detail),
            _ => super::problem::internal(),
        })
    }
}
