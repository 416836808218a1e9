//! Whether a definition's result depends on how the log is sliced.

use highwater_model::{Definition, Position};
use sqlx::{AssertSqlSafe, PgConnection};

use super::definer::take_turns;
use super::owner::quoted;
use super::patterns::like;
use super::set_up;
use super::views::events_view;
use super::{ReadModelError, SliceError};
use crate::Store;

/// How a definition was tried: three ways over the same events. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicingReport {
    /// Events that it was tried on: the first of the log that it handles.
    pub events: i64,
    /// Up to here.
    pub upto: Position,
    /// What the random sizes followed from.
    pub seed: u64,
    /// Tables whose rows are not the same; none: the result does not depend on slicing.
    pub differences: Vec<SlicingDifference>,
}

/// A table whose rows depend on slicing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicingDifference {
    /// The table.
    pub table: String,
    /// What was compared with one slice of all events: `slices of one event`, `slices of random sizes`.
    pub slicing: &'static str,
    /// Rows that only these slices have, and how they begin.
    pub here: i64,
    /// Rows that only the one slice has.
    pub there: i64,
    /// One of them, as JSON.
    pub example: Option<String>,
}

/// The ways, the ends of their schemas' names, and the roles of their versions.
const ONE: (&str, &str) = ("__check_one", "live");
const WAYS: [(&str, &str, &str); 2] = [
    ("slices of one event", "__check", "shadow"),
    ("slices of random sizes", "__check_random", "previous"),
];

impl Store {
    /// Tries a definition on the first events that it handles (`most`): one by one, in slices of random sizes, and in one slice.
    pub async fn check_slicing(
        &self,
        definition: &Definition,
        most: i32,
        seed: u64,
    ) -> Result<SlicingReport, ReadModelError> {
        let mut session = self.definer().await?;
        let mut transaction = take_turns(&mut session).await?;
        let read_model_id: i32 = sqlx::query_scalar(
            "insert into highwater.read_models (name, source) values ($1, 'check') returning read_model_id",
        )
        .bind(format!("{}__check", definition.name))
        .fetch_one(&mut *transaction)
        .await?;
        let patterns: Vec<String> = definition.events.iter().map(like).collect();
        let (upto, events): (i64, i64) = sqlx::query_as(
            "select n.upto, n.events from highwater.next_slice(highwater.types_like($1), 0, $2, 2147483647) n",
        )
        .bind(&patterns)
        .bind(most)
        .fetch_one(&mut *transaction)
        .await?;
        let mut try_out = TryOut {
            definition,
            patterns,
            read_model_id,
            upto,
        };
        // One by one first: what fails then is one event.
        let mut random = Random(seed | 1);
        try_out
            .run(&mut transaction, WAYS[0].1, WAYS[0].2, || 1)
            .await?;
        try_out
            .run(&mut transaction, WAYS[1].1, WAYS[1].2, || random.up_to(100))
            .await?;
        try_out.run(&mut transaction, ONE.0, ONE.1, || most).await?;
        let mut differences = Vec::new();
        for (slicing, end, _) in WAYS {
            try_out
                .compare(&mut transaction, slicing, end, &mut differences)
                .await?;
        }
        transaction.rollback().await?;
        Ok(SlicingReport {
            events,
            upto: Position(upto),
            seed,
            differences,
        })
    }
}

/// A definition under trial, up to a position.
struct TryOut<'a> {
    definition: &'a Definition,
    patterns: Vec<String>,
    read_model_id: i32,
    upto: i64,
}

impl TryOut<'_> {
    fn schema(&self, end: &str) -> String {
        format!("{}{end}", self.definition.name)
    }

    /// Handles the events in slices of some size, in a schema of its own.
    async fn run(
        &mut self,
        connection: &mut PgConnection,
        end: &str,
        role: &str,
        mut size: impl FnMut() -> i32,
    ) -> Result<(), ReadModelError> {
        let schema = self.schema(end);
        let version_id: i64 = sqlx::query_scalar(
            "with v as (
               insert into highwater.read_model_versions (read_model_id, number, role, definition, event_types, event_patterns, handler, policy)
               values ($1, (select count(*) + 1 from highwater.read_model_versions where read_model_id = $1), $2, '', '{}', $3, 'slice', 'stop') returning version_id
             ) select version_id from v",
        )
        .bind(self.read_model_id)
        .bind(role)
        .bind(&self.patterns)
        .fetch_one(&mut *connection)
        .await?;
        sqlx::query(
            "insert into highwater.read_model_progress (version_id, state) values ($1, 'starting')",
        )
        .bind(version_id)
        .execute(&mut *connection)
        .await?;
        set_up::set_up(connection, self.definition, version_id, &schema).await?;
        let wide = events_view(&schema, version_id, i32::MAX);
        sqlx::raw_sql(AssertSqlSafe(wide))
            .execute(&mut *connection)
            .await?;
        sqlx::raw_sql("set local statement_timeout = '60s'")
            .execute(&mut *connection)
            .await?;
        let call = format!("select {}.handle()", quoted(&schema));
        loop {
            let moved: Option<(i64, i64)> = sqlx::query_as(
                "update highwater.read_model_progress p
                 set sliced_after = p.checkpoint, checkpoint = least(n.upto, $4), type_ids = highwater.types_like($2)
                 from highwater.read_model_progress o
                 cross join lateral highwater.next_slice(highwater.types_like($2), o.checkpoint, $3, 2147483647) n
                 where o.version_id = $1 and p.version_id = $1 and p.checkpoint < $4 and n.first <= $4
                 returning n.first, p.checkpoint",
            )
            .bind(version_id)
            .bind(&self.patterns)
            .bind(size())
            .bind(self.upto)
            .fetch_optional(&mut *connection)
            .await?;
            let Some((first, last)) = moved else {
                return Ok(());
            };
            if let Err(error) = sqlx::query(AssertSqlSafe(call.as_str()))
                .execute(&mut *connection)
                .await
            {
                let what = if first == last {
                    format!("event {first}")
                } else {
                    format!("events {first} to {last}")
                };
                return Err(match SliceError::from_handler(&error) {
                    SliceError::Handler { message, .. } => {
                        ReadModelError::Refused(format!("the handler fails at {what}: {message}"))
                    }
                    SliceError::Database(_) => error.into(),
                });
            }
        }
    }

    /// Compares the rows of two ways, without the columns that the definition leaves out.
    async fn compare(
        &self,
        connection: &mut PgConnection,
        slicing: &'static str,
        end: &str,
        differences: &mut Vec<SlicingDifference>,
    ) -> Result<(), ReadModelError> {
        let (here, there) = (self.schema(end), self.schema(ONE.0));
        let tables: Vec<String> = sqlx::query_scalar(
            "select c.relname::text from pg_class c where c.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind in ('r', 'p') order by 1",
        )
        .bind(&here)
        .fetch_all(&mut *connection)
        .await?;
        for table in tables {
            let ignored: Vec<&str> = self
                .definition
                .ignored_columns
                .iter()
                .filter_map(|column| match column.split_once('.') {
                    Some((of, column)) => (of == table).then_some(column),
                    None => Some(column.as_str()),
                })
                .collect();
            let rows = |schema: &str| {
                format!(
                    "select to_jsonb(r) - $1::text[] as row from {}.{} r",
                    quoted(schema),
                    quoted(&table)
                )
            };
            let only = |a: &str, b: &str| format!("({} except all {})", rows(a), rows(b));
            let sql = format!(
                "with here as materialized {}, there as materialized {}
                 select (select count(*) from here), (select count(*) from there), (select row::text from (table here union all table there) x limit 1)",
                only(&here, &there),
                only(&there, &here)
            );
            let (here, there, example): (i64, i64, Option<String>) =
                sqlx::query_as(AssertSqlSafe(sql))
                    .bind(&ignored)
                    .fetch_one(&mut *connection)
                    .await?;
            if here + there > 0 {
                differences.push(SlicingDifference {
                    table,
                    slicing,
                    here,
                    there,
                    example,
                });
            }
        }
        Ok(())
    }
}

/// Numbers that follow from a seed (xorshift): a trial can be repeated.
struct Random(u64);

impl Random {
    fn up_to(&mut self, most: i32) -> i32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i32::try_from(self.0 % u64::from(most.unsigned_abs().max(1))).unwrap_or(0) + 1
    }
}
