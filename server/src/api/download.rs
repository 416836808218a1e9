//! Lists as files: CSV, or a JSON object a line.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use highwater_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileFormat {
    /// A line of names, then a line each; JSON in a field of its own.
    Csv,
    /// A JSON object a line.
    #[default]
    Ndjson,
}

/// What is written a line each.
pub(super) trait Exported: Serialize + Send + Sync + Sized + 'static {
    /// Names of the fields, in the order of [`Self::fields`].
    const NAMES: &'static [&'static str];

    /// Which of them.
    type Query: Clone + Send + Sync + 'static;

    /// Where a page begins.
    type Cursor: Clone + Send + Sync + 'static;

    /// A page of them, and where the next one begins, if there is one.
    fn read(
        store: &Store,
        query: &Self::Query,
        from: Option<Self::Cursor>,
    ) -> impl Future<Output = Result<(Vec<Self>, Option<Self::Cursor>), StoreError>> + Send;

    fn fields(&self) -> Vec<String>;
}

/// An answer that a browser keeps as a file: page after page, each read when the one before was taken. `seen` is a record as the caller
/// sees it.
pub(super) fn download<E: Exported>(
    store: Store,
    query: E::Query,
    name: &str,
    format: FileFormat,
    seen: impl Fn(E) -> E + Clone + Send + 'static,
) -> Response {
    let head = match format {
        FileFormat::Csv => csv_line(E::NAMES.iter().copied()),
        FileFormat::Ndjson => String::new(),
    };
    let pages = stream::unfold(
        Some((None, head)),
        move |at: Option<(Option<E::Cursor>, String)>| {
            let (store, query, seen) = (store.clone(), query.clone(), seen.clone());
            async move {
                let (after, mut text) = at?;
                let page = patiently(|| E::read(&store, &query, after.clone()));
                let (records, next) = match page.await {
                    Ok(page) => page,
                    Err(error) => {
                        // The head of the answer is gone already: breaking it off is the one way left to say that it isn't whole.
                        tracing::error!(%error, "an export broke off");
                        return Some((Err(io::Error::other(error)), None));
                    }
                };
                for record in records {
                    let record = seen(record);
                    match format {
                        FileFormat::Csv => {
                            text += &csv_line(record.fields().iter().map(String::as_str));
                        }
                        FileFormat::Ndjson => match serde_json::to_string(&record) {
                            Ok(line) => {
                                text += &line;
                                text.push('\n');
                            }
                            Err(error) => return Some((Err(io::Error::other(error)), None)),
                        },
                    }
                }
                let next = next.map(|cursor| (Some(cursor), String::new()));
                Some((Ok(Bytes::from(text)), next))
            }
        },
    );
    let (kind, ending) = match format {
        FileFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        FileFormat::Ndjson => ("application/x-ndjson", "ndjson"),
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

/// Reads a page of a file, again when the database has broken the connection: what was sent so far stays right.
pub(super) async fn patiently<T, F>(read: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for pause in [50, 200, 1_000, 3_000] {
        match read().await {
            Err(StoreError::Unavailable(reason)) => {
                tracing::warn!(reason, "export: a page is read again");
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            outcome => return outcome,
        }
    }
    read().await
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
