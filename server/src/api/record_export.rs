//! What is on record, as a file: `GET /api/actions/export`, `GET /api/jobs/export`.

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use highwater_model::{Action, Job, JobKind, JobState, Problem};
use highwater_store::read_models::{ActionQuery, JobQuery};
use highwater_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::actions::wanted;
use super::extract::{Query, not_negative};
use super::problem::ApiResult;
use crate::state::AppState;

/// Records read at once.
const PAGE: i64 = 1_000;
/// The same, to compare with.
const PAGE_RECORDS: usize = 1_000;

/// The calls of this area.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(actions_export))
        .routes(routes!(jobs_export))
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RecordFormat {
    /// A line of names, then a line a record; JSON in a field of its own.
    Csv,
    /// A JSON object a line.
    #[default]
    Ndjson,
}

/// Which actions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ActionsExportParams {
    /// `csv`, or `ndjson` unless given.
    format: Option<RecordFormat>,
    /// Of one read model.
    read_model: Option<String>,
    /// Of one kind.
    action: Option<String>,
    /// Of one operator.
    actor: Option<String>,
    /// Of one job: its order, what was ordered of it, and what became of it.
    job: Option<i64>,
}

/// The audit log as a file, the newest first.
#[utoipa::path(get, path = "/api/actions/export", tag = "operate", params(ActionsExportParams),
    responses((status = 200, description = "An action a line", body = Action, content_type = "application/x-ndjson"),
              (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn actions_export(
    State(state): State<AppState>,
    Query(params): Query<ActionsExportParams>,
) -> ApiResult<Response> {
    let query = ActionQuery {
        read_model: wanted("read_model", params.read_model)?,
        action: wanted("action", params.action)?,
        actor: wanted("actor", params.actor)?,
        job: not_negative("job", params.job)?,
        before: None,
        limit: PAGE,
    };
    let format = params.format.unwrap_or_default();
    Ok(download::<Action>(
        state.store.clone(),
        query,
        "actions",
        format,
    ))
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsExportParams {
    /// `csv`, or `ndjson` unless given.
    format: Option<RecordFormat>,
    /// Of one read model.
    read_model: Option<String>,
    /// Of one kind.
    kind: Option<JobKind>,
    /// In one state.
    state: Option<JobState>,
}

/// Jobs as a file, the newest first.
#[utoipa::path(get, path = "/api/jobs/export", tag = "operate", params(JobsExportParams),
    responses((status = 200, description = "A job a line", body = Job, content_type = "application/x-ndjson"),
              (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn jobs_export(
    State(state): State<AppState>,
    Query(params): Query<JobsExportParams>,
) -> ApiResult<Response> {
    let query = JobQuery {
        read_model: wanted("read_model", params.read_model)?,
        kind: params.kind,
        state: params.state,
        before: None,
        limit: PAGE,
    };
    let format = params.format.unwrap_or_default();
    Ok(download::<Job>(state.store.clone(), query, "jobs", format))
}

/// Something on record.
trait Record: Serialize + Send + Sync + Sized + 'static {
    /// Names of the fields, in the order of [`Self::fields`].
    const NAMES: &'static [&'static str];

    /// Which of them.
    type Query: Clone + Send + Sync + 'static;

    /// A page of them, the newest first, before an id.
    fn read(
        store: &Store,
        query: &Self::Query,
        before: Option<i64>,
    ) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;

    fn id(&self) -> i64;

    fn fields(&self) -> Vec<String>;
}

impl Record for Action {
    const NAMES: &'static [&'static str] = &[
        "id",
        "at",
        "actor",
        "action",
        "read_model",
        "reason",
        "before",
        "after",
        "outcome",
    ];

    type Query = ActionQuery;

    async fn read(
        store: &Store,
        query: &ActionQuery,
        before: Option<i64>,
    ) -> Result<Vec<Self>, StoreError> {
        let query = ActionQuery {
            before,
            ..query.clone()
        };
        store.find_actions(&query).await
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.at.to_string(),
            self.actor.clone(),
            self.action.clone(),
            self.read_model.clone().unwrap_or_default(),
            self.reason.clone().unwrap_or_default(),
            self.before.to_string(),
            self.after.to_string(),
            self.outcome.clone(),
        ]
    }
}

impl Record for Job {
    const NAMES: &'static [&'static str] = &[
        "id",
        "kind",
        "read_model",
        "version_id",
        "actor",
        "reason",
        "state",
        "created_at",
        "started_at",
        "ended_at",
        "done",
        "total",
        "outcome",
        "plan",
        "numbers",
    ];

    type Query = JobQuery;

    async fn read(
        store: &Store,
        query: &JobQuery,
        before: Option<i64>,
    ) -> Result<Vec<Self>, StoreError> {
        let query = JobQuery {
            before,
            ..query.clone()
        };
        store.find_jobs(&query).await
    }

    fn id(&self) -> i64 {
        self.id
    }

    fn fields(&self) -> Vec<String> {
        let text = |value: &Option<jiff::Timestamp>| {
            value.map_or_else(String::new, |value| value.to_string())
        };
        vec![
            self.id.to_string(),
            self.kind.as_str().to_owned(),
            self.read_model.clone(),
            self.version_id
                .map_or_else(String::new, |id| id.to_string()),
            self.actor.clone(),
            self.reason.clone().unwrap_or_default(),
            self.state.as_str().to_owned(),
            self.created_at.to_string(),
            text(&self.started_at),
            text(&self.ended_at),
            self.done.to_string(),
            self.total.to_string(),
            self.outcome.clone().unwrap_or_default(),
            self.plan.to_string(),
            self.numbers.to_string(),
        ]
    }
}

/// An answer that a browser keeps as a file: page after page, each read when the one before was taken.
fn download<R: Record>(
    store: Store,
    query: R::Query,
    name: &str,
    format: RecordFormat,
) -> Response {
    let head = match format {
        RecordFormat::Csv => csv_line(R::NAMES.iter().copied()),
        RecordFormat::Ndjson => String::new(),
    };
    let pages = stream::unfold(Some((None, head)), move |at| {
        let (store, query) = (store.clone(), query.clone());
        async move {
            let (before, mut text) = at?;
            let records = match R::read(&store, &query, before).await {
                Ok(records) => records,
                Err(error) => {
                    // The head of the answer is gone already: breaking it off is the one way left to say that it isn't whole.
                    tracing::error!(%error, "an export of records broke off");
                    return Some((Err(io::Error::other(error)), None));
                }
            };
            for record in &records {
                match format {
                    RecordFormat::Csv => {
                        text += &csv_line(record.fields().iter().map(String::as_str));
                    }
                    RecordFormat::Ndjson => match serde_json::to_string(record) {
                        Ok(line) => {
                            text += &line;
                            text.push('\n');
                        }
                        Err(error) => return Some((Err(io::Error::other(error)), None)),
                    },
                }
            }
            let next = records
                .last()
                .filter(|_| records.len() >= PAGE_RECORDS)
                .map(|last| (Some(last.id()), String::new()));
            Some((Ok(Bytes::from(text)), next))
        }
    });
    let (kind, ending) = match format {
        RecordFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        RecordFormat::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    let disposition = format!("attachment; filename=\"highwater-{name}.{ending}\"");
    (
        [
            (header::CONTENT_TYPE, kind.to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        Body::from_stream(pages),
    )
        .into_response()
}

/// A line of CSV (RFC 4180). A text that a spreadsheet would take for a formula begins with an apostrophe: an operator's reason must
/// not run on the machine of whoever reads the log.
fn csv_line<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (number, field) in fields.enumerate() {
        if number > 0 {
            line.push(',');
        }
        let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            "'"
        } else {
            ""
        };
        if field.contains([',', '"', '\n', '\r']) || !guard.is_empty() {
            line.push('"');
            line.push_str(guard);
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(field);
        }
    }
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_keeps_its_commas_quotes_and_lines_and_is_never_a_formula() {
        let fields = ["a", "b,c", "say \"so\"", "two\nlines", "=1+1", ""];
        assert_eq!(
            csv_line(fields.into_iter()),
            "a,\"b,c\",\"say \"\"so\"\"\",\"two\nlines\",\"'=1+1\",\r\n"
        );
    }
}
