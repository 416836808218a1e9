//! The order of a read model's rows: what pages are cut by.

use highwater_model::RowsColumn;

use super::owner::quoted;
use super::{RowsError, RowsQuery};
use crate::Direction;

/// Rows of a page are cut off here: with large rows a page has fewer.
const PAGE_BYTES: i64 = 8 << 20;

/// What pages are cut by: an expression, and the type of its values.
type Key = (String, String);

/// How rows are ordered: by a column that may have no value, then by what tells rows apart.
pub(super) struct RowsOrder {
    column: Option<Key>,
    /// Which value it has to have.
    equals: Option<String>,
    ties: Vec<Key>,
    direction: Direction,
}

impl RowsOrder {
    pub(super) fn of(
        query: &RowsQuery,
        table: &str,
        columns: &[RowsColumn],
    ) -> Result<Self, RowsError> {
        let key = |column: &RowsColumn| (quoted(&column.name), column.column_type.clone());
        let column = match &query.order {
            None => None,
            Some(name) => {
                let found = columns.iter().find(|column| column.name == *name);
                Some(key(found.ok_or_else(|| RowsError::UnknownColumn {
                    table: table.to_owned(),
                    column: name.clone(),
                    columns: columns.iter().map(|column| column.name.clone()).collect(),
                })?))
            }
        };
        if let Some(value) = &query.equals {
            if column.is_none() {
                return Err(RowsError::NoColumn);
            }
            if value.contains('\0') {
                return Err(bad_value(value, column.as_ref()));
            }
        }
        let mut ties: Vec<Key> = columns
            .iter()
            .filter(|column| column.key)
            .map(key)
            .collect();
        if ties.is_empty() {
            // Where a row lies; one that changes meanwhile may be seen twice, or not.
            ties = vec![
                ("tableoid".to_owned(), "oid".to_owned()),
                ("ctid".to_owned(), "tid".to_owned()),
            ];
        }
        Ok(Self {
            column,
            equals: query.equals.clone(),
            ties,
            direction: query.direction,
        })
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.column.iter().chain(&self.ties)
    }

    /// The values in a cursor.
    pub(super) fn read(&self, cursor: &str) -> Result<Vec<Option<String>>, RowsError> {
        let values: Vec<Option<String>> =
            serde_json::from_str(cursor).map_err(|_| RowsError::BadCursor)?;
        let mut ties = values.iter().skip(usize::from(self.column.is_some()));
        let wrong =
            ties.any(Option::is_none) || values.iter().flatten().any(|value| value.contains('\0'));
        if wrong || values.len() != self.keys().count() {
            return Err(RowsError::BadCursor);
        }
        Ok(values)
    }

    /// A row's JSON, its values for a cursor, and how many rows there are up to one more than asked for.
    pub(super) fn sql(
        &self,
        schema: &str,
        table: &str,
        limit: usize,
        after: Option<&[Option<String>]>,
    ) -> String {
        let way = match self.direction {
            Direction::Forward => "asc nulls last",
            Direction::Backward => "desc nulls first",
        };
        let ordered: Vec<String> = self
            .keys()
            .map(|(column, _)| format!("hw_row.{column} {way}"))
            .collect();
        let values: Vec<String> = self
            .keys()
            .map(|(column, _)| format!("hw_row.{column}::text"))
            .collect();
        let mut condition = after.map_or_else(|| "true".to_owned(), |after| self.behind(after));
        if let (Some(_), Some((column, column_type))) = (&self.equals, &self.column) {
            let bound = after.map_or(0, <[_]>::len) + 1;
            condition =
                format!("({condition}) and hw_row.{column} = ${bound}::text::{column_type}");
        }
        format!(
            "select j, k, n from (
               select j, k, count(*) over () as n, coalesce(sum(octet_length(j)) over (rows between unbounded preceding and 1 preceding), 0) as bytes from (
                 select row_to_json(hw_row.*)::text as j, array[{}]::text[] as k from {}.{} hw_row where {condition} order by {} limit {}
               ) page
             ) sized where bytes < {PAGE_BYTES}",
            values.join(", "),
            quoted(schema),
            quoted(table),
            ordered.join(", "),
            limit + 1
        )
    }

    /// Rows behind these values. Nothing is greater than no value.
    fn behind(&self, after: &[Option<String>]) -> String {
        let more = match self.direction {
            Direction::Forward => ">",
            Direction::Backward => "<",
        };
        let value = |at: usize, column_type: &str| format!("${}::text::{column_type}", at + 1);
        let skipped = usize::from(self.column.is_some());
        let left: Vec<String> = self
            .ties
            .iter()
            .map(|(column, _)| format!("hw_row.{column}"))
            .collect();
        let right: Vec<String> = self
            .ties
            .iter()
            .enumerate()
            .map(|(at, (_, column_type))| value(at + skipped, column_type))
            .collect();
        let ties = format!("({}) {more} ({})", left.join(", "), right.join(", "));
        let Some((column, column_type)) = &self.column else {
            return ties;
        };
        // The value is named even where it is none: each bound one has to have a type.
        let (column, first) = (format!("hw_row.{column}"), value(0, column_type));
        match (after.first().is_some_and(Option::is_some), self.direction) {
            (true, Direction::Forward) => {
                format!(
                    "({column} > {first} or {column} is null or ({column} = {first} and {ties}))"
                )
            }
            (true, Direction::Backward) => {
                format!("({column} < {first} or ({column} = {first} and {ties}))")
            }
            (false, Direction::Forward) => {
                format!("({column} is null and {first} is null and {ties})")
            }
            (false, Direction::Backward) => {
                format!(
                    "(({column} is null and {first} is null and {ties}) or {column} is not null)"
                )
            }
        }
    }

    /// What the database said about the order or the cursor.
    pub(super) fn refused(&self, error: sqlx::Error) -> RowsError {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        match (code.as_deref(), &self.column) {
            (Some("42883"), Some((column, column_type))) => RowsError::NoOrder {
                column: column.trim_matches('"').to_owned(),
                column_type: column_type.clone(),
            },
            (Some("57014"), _) => RowsError::TooSlow,
            (Some(code), column) if code.starts_with("22") && self.equals.is_some() => {
                bad_value(self.equals.as_deref().unwrap_or_default(), column.as_ref())
            }
            // Values that are none of their type; nothing else in the statement is the caller's.
            (Some(code), _) if code.starts_with("22") => RowsError::BadCursor,
            _ => error.into(),
        }
    }
}

fn bad_value(value: &str, column: Option<&Key>) -> RowsError {
    let (column, column_type) = column.cloned().unwrap_or_default();
    RowsError::BadValue {
        value: value.to_owned(),
        column: column.trim_matches('"').to_owned(),
        column_type,
    }
}
