//! What read models are measured with: movements of accounts, and their totals by account in SQL, in code, and as one statement.

use anyhow::{Result, bail};
use highwater_engine::ReadModels;
use highwater_engine::read_models::{CopyRows, Fold, ProjectionError, Work};
use highwater_model::{ImportLine, Job, JobState};
use highwater_store::Store;
use highwater_store::read_models::{Order, PgConnection, Reads, SliceEvent};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, PgPool};

use crate::events::Events;

/// Lines of one call of the store.
const CHUNK: usize = 1_000;

/// The table that all of them fill.
pub(crate) const TABLE: &str = "create table totals (account text primary key, movements bigint not null, cents bigint not null)";

/// Adds what a row has to what is there.
pub(crate) const ADD: &str = "on conflict (account) do update set movements = totals.movements + excluded.movements, cents = totals.cents + excluded.cents;";

/// A definition of totals: which events, `slice` or `each`, and its statements.
pub(crate) fn definition(events: &str, handler: &str, statements: &str) -> String {
    format!(
        "-- highwater: events {events}\n-- highwater: tables\n{TABLE};\n-- highwater: {handler}\n{statements}\n"
    )
}

/// Totals of a slice with one statement.
pub(crate) fn of_slices(events: &str, cents: &str) -> String {
    let insert = format!(
        "insert into totals select data->>'account', count(*), sum({cents}) from events group by 1 {ADD}"
    );
    definition(events, "slice", &insert)
}

/// Event by event.
pub(crate) fn of_each(events: &str) -> String {
    let insert = format!(
        "insert into totals select data->>'account', 1, (data->>'cents')::bigint from event {ADD}"
    );
    definition(events, "each", &insert)
}

/// The same rows with one statement over the log.
pub(crate) fn of_log(condition: &str) -> String {
    format!(
        "select data->>'account', count(*), sum((data->>'cents')::bigint) from highwater.events {condition} group by 1"
    )
}

/// The name of an account.
pub(crate) fn account(number: u64) -> String {
    format!("account-{number:07}")
}

/// Fills a log with movements of so many accounts, in turns that leave none out.
pub(crate) async fn fill(store: &Store, count: u64, accounts: u64) -> Result<()> {
    let mut events = Events::new("order", "t");
    let mut lines: Vec<ImportLine> = Vec::with_capacity(CHUNK);
    for number in 0..count {
        let event = events.next();
        let rest = event.data.trim_start_matches('{');
        let account = account(number * 7_919 % accounts);
        let text = format!(
            r#"{{"stream":"{}","type":"{}","id":"{}","data":{{"account":"{account}","cents":{},{rest}}}"#,
            event.stream,
            event.kind,
            event.id,
            number % 997,
        );
        lines.push(serde_json::from_str(&text)?);
        if lines.len() == CHUNK || number + 1 == count {
            store.import(std::mem::take(&mut lines)).await?;
        }
    }
    Ok(())
}

/// Who orders what is measured.
pub(crate) fn order() -> Order {
    Order::new("bench", Some("it is measured"))
}

/// Waits until a job is over, and done.
pub(crate) async fn done(store: &Store, job_id: i64) -> Result<Job> {
    loop {
        let job = store.job(job_id).await?;
        match job.state {
            JobState::Done => return Ok(job),
            state if state.is_over() => bail!("job {job_id} is {state:?}: {:?}", job.outcome),
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
}

/// Waits until a read model has handled everything.
pub(crate) async fn caught_up(store: &Store, read_models: &ReadModels, name: &str) -> Result<()> {
    let head = store.mark().await?.position;
    let timeout = std::time::Duration::from_mins(10);
    let found = read_models.wait_until_handled(name, head, timeout).await?;
    if !found.handled {
        bail!("{name} has not handled everything up to {head} in ten minutes");
    }
    Ok(())
}

/// Rows that one has and the other has not; both are what `select` answers.
pub(crate) async fn differing(pool: &PgPool, one: &str, other: &str) -> Result<i64> {
    let sql = format!(
        "select (select count(*) from (({one}) except all ({other})) x) + (select count(*) from (({other}) except all ({one})) x)"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(pool)
        .await?)
}

/// The totals in code, in a table of their own.
pub(crate) struct Totals {
    pub(crate) name: String,
}

#[derive(Deserialize)]
struct Movement<'a> {
    #[serde(borrow)]
    account: &'a str,
    cents: i64,
}

impl Fold for Totals {
    type Key = String;
    type State = (i64, i64);
    /// Cents.
    type Event = i64;

    fn name(&self) -> &str {
        &self.name
    }
    fn events(&self) -> Vec<String> {
        vec!["*".to_owned()]
    }
    fn reads(&self) -> Reads {
        Reads::DATA
    }
    fn set_up<'a>(&'a self, connection: &'a mut PgConnection) -> Work<'a> {
        Box::pin(async move {
            let sql = format!(
                "create schema if not exists {name}; create table if not exists {name}.{}",
                TABLE.trim_start_matches("create table "),
                name = self.name
            );
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(connection)
                .await?;
            Ok(())
        })
    }
    fn event(&self, event: &SliceEvent<'_>) -> Result<Option<(String, i64)>, ProjectionError> {
        let movement: Movement<'_> = serde_json::from_str(event.data)
            .map_err(|error| ProjectionError::Event(error.to_string()))?;
        Ok(Some((movement.account.to_owned(), movement.cents)))
    }
    fn fold(
        &self,
        state: Option<(i64, i64)>,
        more: i64,
    ) -> Result<Option<(i64, i64)>, ProjectionError> {
        let (movements, cents) = state.unwrap_or_default();
        Ok(Some((movements + 1, cents + more)))
    }
    fn read<'a>(
        &'a self,
        keys: Vec<String>,
        connection: &'a mut PgConnection,
    ) -> Work<'a, Vec<(String, (i64, i64))>> {
        Box::pin(async move {
            let sql = format!(
                "select account, movements, cents from {}.totals where account = any ($1)",
                self.name
            );
            let rows: Vec<(String, i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
                .bind(keys)
                .fetch_all(connection)
                .await?;
            let rows = rows.into_iter();
            Ok(rows
                .map(|(key, movements, cents)| (key, (movements, cents)))
                .collect())
        })
    }
    fn write<'a>(
        &'a self,
        rows: Vec<(String, Option<(i64, i64)>)>,
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            let (mut accounts, mut movements, mut cents) = (Vec::new(), Vec::new(), Vec::new());
            for (account, state) in rows {
                let Some(state) = state else { continue };
                accounts.push(account);
                movements.push(state.0);
                cents.push(state.1);
            }
            let sql = format!(
                "insert into {}.totals select * from unnest($1::text[], $2::bigint[], $3::bigint[])
                 on conflict (account) do update set movements = excluded.movements, cents = excluded.cents",
                self.name
            );
            sqlx::query(AssertSqlSafe(sql))
                .bind(accounts)
                .bind(movements)
                .bind(cents)
                .execute(connection)
                .await?;
            Ok(())
        })
    }
    fn load<'a>(
        &'a self,
        rows: Vec<(String, (i64, i64))>,
        connection: &'a mut PgConnection,
    ) -> Work<'a> {
        Box::pin(async move {
            let mut copy = CopyRows::default();
            for (account, (movements, cents)) in rows {
                copy.text(&account).value(movements).value(cents).end_row();
            }
            let into = format!("copy {}.totals from stdin", self.name);
            copy.send(&into, connection).await?;
            Ok(())
        })
    }
}

/// The middle of what was measured.
pub(crate) fn median(of: &[f64]) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
