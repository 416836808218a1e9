//! The key of a definition: every table has its column.

use highwater_model::{Definition, DefinitionError, PartKey};
use sqlx::PgConnection;

use super::ReadModelError;

/// Refuses a key that a table has no column for.
pub(super) async fn keyed_tables(
    connection: &mut PgConnection,
    definition: &Definition,
    schema: &str,
) -> Result<(), ReadModelError> {
    let Some(key) = definition.key else {
        return Ok(());
    };
    let table: Option<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'p') and not c.relispartition
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = $2 and a.atttypid = 'text'::regtype)
         order by 1 limit 1",
    )
    .bind(schema)
    .bind(key.part.as_str())
    .fetch_optional(connection)
    .await?;
    match table {
        None => Ok(()),
        Some(table) => Err(no_column(definition, key.part, key.at, &table).into()),
    }
}

fn no_column(definition: &Definition, part: PartKey, at: usize, table: &str) -> DefinitionError {
    let message = format!(
        "rows that belong to one {part} each say to which: every table has a column {part} of type text, and {table} has none"
    );
    DefinitionError::at(&definition.text, at, message)
}
