//! How many rows of a table differ, and in which columns.

use highwater_model::{ColumnDiff, TableDiff};
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::{Column, Tables};
use crate::read_models::ReadModelError;
use crate::read_models::owner::quoted;

impl Tables {
    /// Counts what differs.
    pub(in crate::read_models) async fn compare(
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
}
