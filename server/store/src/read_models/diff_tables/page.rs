//! The SQL of one page of the rows that differ.

use highwater_model::DiffKind;

use super::{Column, Tables};
use crate::read_models::owner::quoted;

impl Tables {
    /// One page of rows: $1 is how many, $2 the key of the last row or how many came before. None: there can't be any.
    pub(in crate::read_models) fn page(&self, kind: DiffKind, behind: bool) -> Option<String> {
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
