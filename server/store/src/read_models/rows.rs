//! Rows of a read model's tables, page by page. They are read as the role that owns them: a table can't lead anywhere else.

use highwater_model::{RowsColumn, RowsPage, VersionRole};
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::ReadModelError;
use super::owner::{self, quoted};
use super::rows_order::RowsOrder;
use crate::{Direction, Store, StoreError};

/// How long a page may take: an order without an index reads the whole table.
const TIMEOUT_S: u64 = 10;

/// Which rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsQuery {
    /// Of which version.
    pub role: VersionRole,
    /// Of which table; the first one that the definition makes unless given.
    pub table: Option<String>,
    /// By which column; by the primary key unless given, and where there is none, as they lie.
    pub order: Option<String>,
    /// Only rows in which that column has this value, as the database reads it.
    pub equals: Option<String>,
    /// Smallest first, or largest.
    pub direction: Direction,
    /// How many at most.
    pub limit: usize,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// It has no such version.
    #[error("{name} has no {} version; it has: {}", role.as_str(), roles.join(", "))]
    NoVersion {
        /// The read model.
        name: String,
        /// What was asked for.
        role: VersionRole,
        /// What there is.
        roles: Vec<String>,
    },
    /// The version has no tables that Highwater made.
    #[error("{name} has no tables here: {why}")]
    NoTables {
        /// The read model.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// The version has no such table.
    #[error("{name} has no table {table:?}; it has: {}", tables.join(", "))]
    UnknownTable {
        /// The read model.
        name: String,
        /// What was asked for.
        table: String,
        /// What there is.
        tables: Vec<String>,
    },
    /// The table has no such column.
    #[error("{table} has no column {column:?}; it has: {}", columns.join(", "))]
    UnknownColumn {
        /// The table.
        table: String,
        /// What was asked for.
        column: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// Values of the column's type are neither smaller nor larger than others.
    #[error("{column} is of the type {column_type}, which has no order; order by another column")]
    NoOrder {
        /// The column.
        column: String,
        /// Its type.
        column_type: String,
    },
    /// Not a cursor of this table in this order.
    #[error(
        "this cursor is not one that this table gave in this order; leave it out to begin anew"
    )]
    BadCursor,
    /// Only a column can have a value, and pages by the primary key are by all of its columns.
    #[error("equals needs order: the column that has this value")]
    NoColumn,
    /// Not a value of the column's type.
    #[error("{value:?} is no value of {column}, which is of the type {column_type}")]
    BadValue {
        /// What was asked for.
        value: String,
        /// The column.
        column: String,
        /// Its type.
        column_type: String,
    },
    /// It took too long.
    #[error(
        "the rows took longer than {TIMEOUT_S} s and were given up; order by the primary key or by a column with an index"
    )]
    TooSlow,
    /// Anything else.
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
}

impl From<sqlx::Error> for RowsError {
    fn from(error: sqlx::Error) -> Self {
        Self::ReadModel(error.into())
    }
}

impl From<StoreError> for RowsError {
    fn from(error: StoreError) -> Self {
        Self::ReadModel(error.into())
    }
}

/// A version's tables.
struct Tables {
    version_id: i64,
    schema: String,
    names: Vec<String>,
}

impl Store {
    /// A page of a read model's rows.
    pub async fn rows(&self, name: &str, query: &RowsQuery) -> Result<RowsPage, RowsError> {
        let begin = format!(
            "begin read only; set local statement_timeout = '{TIMEOUT_S}s'; set local lock_timeout = '2s'; set local search_path = pg_catalog"
        );
        let mut transaction = self.pool().begin_with(AssertSqlSafe(begin)).await?;
        let Tables {
            version_id,
            schema,
            names: tables,
        } = tables(&mut transaction, name, query.role).await?;
        let table = match &query.table {
            Some(table) if tables.contains(table) => table.clone(),
            Some(table) => {
                return Err(RowsError::UnknownTable {
                    name: name.to_owned(),
                    table: table.clone(),
                    tables,
                });
            }
            None => tables.first().cloned().ok_or_else(|| RowsError::NoTables {
                name: name.to_owned(),
                why: "its definition makes none",
            })?,
        };
        let columns = columns(&mut transaction, &schema, &table).await?;
        let by = RowsOrder::of(query, &table, &columns)?;
        let after = match &query.cursor {
            Some(cursor) => Some(by.read(cursor)?),
            None => None,
        };
        let sql = by.sql(&schema, &table, query.limit, after.as_deref());
        let owner = owner::name(&mut transaction, name).await?;
        let role = format!("set local role {}", quoted(&owner));
        sqlx::raw_sql(AssertSqlSafe(role))
            .execute(&mut *transaction)
            .await?;
        let mut read = sqlx::query(AssertSqlSafe(sql));
        for value in after.iter().flatten() {
            read = read.bind(value);
        }
        if let Some(value) = &query.equals {
            read = read.bind(value);
        }
        let found = read
            .fetch_all(&mut *transaction)
            .await
            .map_err(|error| by.refused(error))?;
        transaction.rollback().await?;
        let mut rows = Vec::with_capacity(found.len());
        let mut next = None;
        for row in found.iter().take(query.limit) {
            let json: String = row.try_get(0)?;
            rows.push(RawValue::from_string(json).map_err(|error| {
                StoreError::Broken(format!("the database wrote no JSON: {error}"))
            })?);
            let there_is_more: i64 = row.try_get(2)?;
            if i128::from(there_is_more) > rows.len() as i128 {
                let values: Vec<Option<String>> = row.try_get(1)?;
                next = serde_json::to_string(&values).ok();
            } else {
                next = None;
            }
        }
        Ok(RowsPage {
            version_id,
            table,
            tables,
            columns,
            rows,
            next,
        })
    }
}

async fn tables(
    connection: &mut PgConnection,
    name: &str,
    role: VersionRole,
) -> Result<Tables, RowsError> {
    let versions: Vec<(String, i64, Option<String>, bool)> = sqlx::query_as(
        "select v.role, v.version_id, v.schema_name, v.handler is null
         from highwater.read_models m join highwater.read_model_versions v using (read_model_id) where m.name = $1 order by v.number desc limit 10",
    )
    .bind(name)
    .fetch_all(&mut *connection)
    .await?;
    if versions.is_empty() {
        return Err(RowsError::ReadModel(ReadModelError::Unknown {
            name: name.to_owned(),
        }));
    }
    let roles: Vec<String> = versions.iter().map(|version| version.0.clone()).collect();
    let found = versions
        .into_iter()
        .find(|version| version.0 == role.as_str());
    let (_, version_id, schema, in_code) = found.ok_or_else(|| RowsError::NoVersion {
        name: name.to_owned(),
        role,
        roles,
    })?;
    let schema = schema.ok_or_else(|| RowsError::NoTables {
        name: name.to_owned(),
        why: if in_code {
            "it is a projection in code, whose tables are its own business"
        } else {
            "they are not made yet"
        },
    })?;
    // In the order in which the definition makes them.
    let names = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'p') and not c.relispartition order by c.oid limit 1000",
    )
    .bind(&schema)
    .fetch_all(connection)
    .await?;
    Ok(Tables {
        version_id,
        schema,
        names,
    })
}

async fn columns(
    connection: &mut PgConnection,
    schema: &str,
    table: &str,
) -> Result<Vec<RowsColumn>, RowsError> {
    let columns: Vec<(String, String, bool)> = sqlx::query_as(
        "select a.attname::text, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = any (i.indkey), false)
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         left join pg_index i on i.indrelid = c.oid and i.indisprimary
         where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relname = $2 order by a.attnum",
    )
    .bind(schema)
    .bind(table)
    .fetch_all(connection)
    .await?;
    Ok(columns
        .into_iter()
        .map(|(name, column_type, key)| RowsColumn {
            name,
            column_type,
            key,
        })
        .collect())
}
