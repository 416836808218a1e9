//! The SQL that compares a table of two versions: by primary key in one join, or without one as multisets of rows.

mod counts;
mod page;

use highwater_model::Definition;
use sqlx::{PgConnection, Row};

use super::ReadModelError;
use super::owner::quoted;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    sql_type: String,
    /// Its place in the primary key.
    key: Option<i16>,
}

impl Column {
    /// Its value, as something that can be compared: not every type knows what is equal.
    fn value(&self, of: &str, other: &Column) -> String {
        let plain = self.sql_type.trim_end_matches("[]");
        let incomparable = [
            "json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle",
        ];
        let text = if incomparable.contains(&plain) || self.sql_type != other.sql_type {
            "::text"
        } else {
            ""
        };
        format!("{of}.{}{text}", quoted(&self.name))
    }
}

/// A table in both versions, or in one of them.
pub(super) struct Tables {
    name: String,
    live: Option<Vec<Column>>,
    shadow: Option<Vec<Column>>,
    ignored: Vec<String>,
    /// `schema.table` of each.
    live_table: String,
    shadow_table: String,
}

impl Tables {
    /// The tables of two schemas, by name.
    pub(super) async fn of(
        connection: &mut PgConnection,
        definition: &Definition,
        live: &str,
        shadow: &str,
    ) -> Result<Vec<Self>, ReadModelError> {
        let rows = sqlx::query(
            "select n.nspname = $1 as live, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) as sql_type,
               array_position(i.indkey::int2[], a.attnum)::int2 as key
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
             left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             left join pg_index i on i.indrelid = c.oid and i.indisprimary
             where n.nspname in ($1, $2) and c.relkind in ('r', 'p') and not c.relispartition order by c.relname, a.attnum",
        )
        .bind(live)
        .bind(shadow)
        .fetch_all(connection)
        .await?;
        let mut found: Vec<Self> = Vec::new();
        for row in rows {
            let table: String = row.try_get("relname")?;
            if found.last().is_none_or(|last| last.name != table) {
                found.push(Self::new(definition, &table, live, shadow));
            }
            let Some(last) = found.last_mut() else {
                continue;
            };
            let of = if row.try_get("live")? {
                &mut last.live
            } else {
                &mut last.shadow
            };
            let columns = of.get_or_insert_default();
            if let Some(name) = row.try_get("attname")? {
                columns.push(Column {
                    name,
                    sql_type: row.try_get("sql_type")?,
                    key: row.try_get("key")?,
                });
            }
        }
        Ok(found)
    }

    fn new(definition: &Definition, table: &str, live: &str, shadow: &str) -> Self {
        let ignored = definition.ignored_columns.iter();
        let ignored = ignored.filter_map(|column| match column.split_once('.') {
            Some((of, column)) => (of == table).then(|| column.to_owned()),
            None => Some(column.clone()),
        });
        Self {
            name: table.to_owned(),
            live: None,
            shadow: None,
            ignored: ignored.collect(),
            live_table: format!("{}.{}", quoted(live), quoted(table)),
            shadow_table: format!("{}.{}", quoted(shadow), quoted(table)),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Columns that both have and that are compared, as (shadow, live).
    fn pairs(&self) -> Vec<(&Column, &Column)> {
        let (Some(live), Some(shadow)) = (&self.live, &self.shadow) else {
            return Vec::new();
        };
        let compared = shadow
            .iter()
            .filter(|column| !self.ignored.contains(&column.name));
        compared
            .filter_map(|column| {
                let other = live.iter().find(|other| other.name == column.name)?;
                Some((column, other))
            })
            .collect()
    }

    /// Columns of the primary key, when both have the same and all of it is compared.
    fn key(&self) -> Vec<&Column> {
        let pairs = self.pairs();
        let keyed = |columns: &Option<Vec<Column>>| {
            let columns = columns.iter().flatten();
            columns.filter(|column| column.key.is_some()).count()
        };
        let mut key: Vec<&Column> = pairs
            .iter()
            .filter(|(shadow, live)| shadow.key.is_some() && shadow == live)
            .map(|(shadow, _)| *shadow)
            .collect();
        if key.len() != keyed(&self.shadow) || key.len() != keyed(&self.live) {
            return Vec::new();
        }
        key.sort_by_key(|column| column.key);
        key
    }

    pub(super) fn has_key(&self) -> bool {
        !self.key().is_empty()
    }

    /// A cursor of rows with a key is that key; of others, how many came before.
    pub(super) fn fits_cursor(&self, cursor: &[String]) -> bool {
        cursor.len() == self.key().len().max(1)
    }

    /// Columns that are compared and not part of the key, as (name, differs).
    fn differing(&self) -> Vec<(&str, String)> {
        let pairs = self.pairs();
        let rest = pairs
            .iter()
            .filter(|(shadow, _)| !self.key().contains(shadow));
        rest.map(|(shadow, live)| {
            let differs = format!(
                "{} is distinct from {}",
                shadow.value("s", live),
                live.value("l", shadow)
            );
            (shadow.name.as_str(), differs)
        })
        .collect()
    }

    /// Joins rows of the same key.
    fn on(&self) -> String {
        let equal = self.key().into_iter().map(|column| {
            let name = quoted(&column.name);
            format!("s.{name} = l.{name}")
        });
        equal.collect::<Vec<_>>().join(" and ")
    }

    /// Whole rows of one side, without what is not compared.
    fn rows(&self, of: &str, table: &str) -> String {
        let columns = self.pairs().into_iter().map(|(shadow, live)| {
            let (this, other) = if of == "s" {
                (shadow, live)
            } else {
                (live, shadow)
            };
            format!("{} as {}", this.value(of, other), quoted(&this.name))
        });
        let columns: Vec<String> = columns.collect();
        format!("select {} from {table} {of}", columns.join(", "))
    }
}
