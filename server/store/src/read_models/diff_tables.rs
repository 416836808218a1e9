//! The SQL that compares a table of two versions: by primary key in one join, or without one as multisets of rows.

use highwater_model::{ColumnDiff, Definition, DiffKind, TableDiff};
use sqlx::{AssertSqlSafe, PgConnection, Row};

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

    /// Counts what differs.
    pub(super) async fn compare(
        &self,
        connection: &mut PgConnection,
    ) -> Result<TableDiff, ReadModelError> {
        let names = |columns: &Option<Vec<Column>>, other: &Option<Vec<Column>>| -> Vec<String> {
            let known = |name: &str| {
                self.ignored.iter().any(|ignored| ignored == name)
                    || other.iter().flatten().any(|column| column.name == name)
            };
            let columns = columns.iter().flatten().map(|column| &column.name);
            columns.filter(|name| !known(name)).cloned().collect()
        };
        let mut diff = TableDiff {
            table: self.name.clone(),
            key: self
                .key()
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            live_rows: None,
            shadow_rows: None,
            added: 0,
            removed: 0,
            changed: 0,
            columns: Vec::new(),
            ignored: self.ignored.clone(),
            added_columns: names(&self.shadow, &self.live),
            removed_columns: names(&self.live, &self.shadow),
        };
        let sql = match (&self.live, &self.shadow) {
            (Some(_), None) => format!("select 0::bigint, count(*), 0::bigint, count(*), 0::bigint from {}", self.live_table),
            (None, _) => format!("select count(*), 0::bigint, 0::bigint, 0::bigint, count(*) from {}", self.shadow_table),
            (Some(_), Some(_)) if self.has_key() => self.keyed_counts(),
            (Some(_), Some(_)) => format!(
                "select (select count(*) from ({s} except all {l}) x), (select count(*) from ({l} except all {s}) x), 0::bigint,
                   (select count(*) from {}), (select count(*) from {})",
                self.live_table,
                self.shadow_table,
                s = self.rows("s", &self.shadow_table),
                l = self.rows("l", &self.live_table),
            ),
        };
        let row = sqlx::query(AssertSqlSafe(sql))
            .fetch_one(connection)
            .await?;
        (diff.added, diff.removed, diff.changed) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        diff.live_rows = self.live.as_ref().map(|_| row.try_get(3)).transpose()?;
        diff.shadow_rows = self.shadow.as_ref().map(|_| row.try_get(4)).transpose()?;
        if diff.changed > 0 {
            for (at, (column, _)) in self.differing().into_iter().enumerate() {
                let changed: i64 = row.try_get(5 + at)?;
                if changed > 0 {
                    let column = column.to_owned();
                    diff.columns.push(ColumnDiff { column, changed });
                }
            }
        }
        Ok(diff)
    }

    fn keyed_counts(&self) -> String {
        let first = self
            .key()
            .first()
            .map_or_else(String::new, |column| quoted(&column.name));
        let both = format!("s.{first} is not null and l.{first} is not null");
        let differing = self.differing();
        let any = differing.iter().map(|(_, differs)| differs.as_str());
        let any = any.collect::<Vec<_>>().join(" or ");
        let any = if any.is_empty() { "false" } else { &any };
        let columns = differing
            .iter()
            .map(|(_, differs)| format!(", count(*) filter (where {both} and {differs})"));
        format!(
            "select count(*) filter (where l.{first} is null), count(*) filter (where s.{first} is null), count(*) filter (where {both} and ({any})),
               count(l.{first}), count(s.{first}){}
             from {} s full join {} l on {}",
            columns.collect::<String>(),
            self.shadow_table,
            self.live_table,
            self.on()
        )
    }

    /// One page of rows: $1 is how many, $2 the key of the last row or how many came before. None: there can't be any.
    pub(super) fn page(&self, kind: DiffKind, behind: bool) -> Option<String> {
        let (s, l) = (&self.shadow_table, &self.live_table);
        let (this, alone) = match kind {
            DiffKind::Added => ("s", self.live.is_none()),
            DiffKind::Removed => ("l", self.shadow.is_none()),
            DiffKind::Changed => ("s", false),
        };
        let there = if this == "s" {
            &self.shadow
        } else {
            &self.live
        };
        there.as_ref()?;
        if !self.has_key() {
            let rows = match (kind, alone) {
                (DiffKind::Changed, _) => return None,
                (DiffKind::Added, true) => format!("table {s}"),
                (DiffKind::Removed, true) => format!("table {l}"),
                (DiffKind::Added, false) => {
                    format!("{} except all {}", self.rows("s", s), self.rows("l", l))
                }
                (DiffKind::Removed, false) => {
                    format!("{} except all {}", self.rows("l", l), self.rows("s", s))
                }
            };
            let row = |of: &str| {
                if this == of {
                    "to_jsonb(x)"
                } else {
                    "null::jsonb"
                }
            };
            return Some(format!(
                "select '{{}}'::text[] as key, {} as live, {} as shadow, '{{}}'::text[] as columns from ({rows}) x order by to_jsonb(x)::text limit $1 offset $2",
                row("l"),
                row("s")
            ));
        }
        let key = self.key();
        let list = |write: &dyn Fn(usize, &Column) -> String| {
            let columns = key.iter().enumerate().map(|(at, column)| write(at, column));
            columns.collect::<Vec<_>>().join(", ")
        };
        let names = list(&|_, column| format!("{this}.{}", quoted(&column.name)));
        let texts = list(&|_, column| format!("{this}.{}::text", quoted(&column.name)));
        let after = list(&|at, column| format!("($2::text[])[{}]::{}", at + 1, column.sql_type));
        let first = quoted(&key.first()?.name);
        let behind = if behind {
            format!("({names}) > ({after})")
        } else {
            "$2::text[] is not null".to_owned()
        };
        let on = self.on();
        let (from, condition, live, shadow, columns) = match kind {
            DiffKind::Added => (
                format!("{s} s left join {l} l on {on}"),
                format!("l.{first} is null"),
                "null::jsonb",
                "to_jsonb(s)",
                String::new(),
            ),
            DiffKind::Removed => (
                format!("{l} l left join {s} s on {on}"),
                format!("s.{first} is null"),
                "to_jsonb(l)",
                "null::jsonb",
                String::new(),
            ),
            DiffKind::Changed => {
                let differing = self.differing();
                let any = differing.iter().map(|(_, differs)| differs.as_str());
                let any = any.collect::<Vec<_>>().join(" or ");
                if any.is_empty() {
                    return None;
                }
                let columns = differing.iter().map(|(name, differs)| {
                    format!(
                        "case when {differs} then '{}' end",
                        name.replace('\'', "''")
                    )
                });
                (
                    format!("{s} s join {l} l on {on}"),
                    format!("({any})"),
                    "to_jsonb(l)",
                    "to_jsonb(s)",
                    columns.collect::<Vec<_>>().join(", "),
                )
            }
        };
        Some(format!(
            "select array[{texts}] as key, {live} as live, {shadow} as shadow, array_remove(array[{columns}]::text[], null) as columns
             from {from} where {condition} and {behind} order by {names} limit $1"
        ))
    }
}
