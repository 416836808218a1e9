//! Which tables have rows: what a verification compares with.

use sqlx::PgConnection;

use super::ReadModelError;
use super::owner::quoted;

/// Tables of a schema that have rows.
pub(super) async fn filled_tables(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<Vec<String>, ReadModelError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'p') order by 1",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await?;
    let mut filled = Vec::new();
    for table in tables {
        let sql = format!(
            "select exists (select from {}.{})",
            quoted(schema),
            quoted(&table)
        );
        if sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut *connection)
            .await?
        {
            filled.push(table);
        }
    }
    Ok(filled)
}
