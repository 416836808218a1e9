//! A database of its own for each test, a log to fold, and read models to compare with the fold.
#![allow(dead_code, reason = "each test file uses its part, and one all of it")]

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_engine::{ReadModelOptions, ReadModels};
use highwater_model::{
    AppendToStream, ExpectedVersion, ImportLine, Job, Position, ProposedEvent, ReadModel,
    StreamName,
};
use highwater_postgres::scratch::Scratch;
use highwater_store::read_models::{Defined, Order};
use highwater_store::{Ids, Store, StoreOptions, Tasks};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// Totals per customer, set by set.
pub(crate) const TOTALS: &str = "-- highwater: events OrderPlaced, OrderCancelled
-- highwater: describe Totals per customer
-- highwater: tables
create table totals (customer text primary key, orders bigint not null, cents bigint not null);
-- highwater: slice
insert into totals
select data->>'customer', sum(case type when 'OrderPlaced' then 1 else -1 end), sum(case type when 'OrderPlaced' then 1 else -1 end * (data->>'cents')::bigint)
from events group by 1
on conflict (customer) do update set orders = totals.orders + excluded.orders, cents = totals.cents + excluded.cents;
";

/// The same, event by event, and where each order stands.
pub(crate) const EACH: &str = "-- highwater: events Order*
-- highwater: tables
create table totals (customer text primary key, orders bigint not null, cents bigint not null);
create table log (n bigint generated always as identity, position bigint not null, stream text not null, version bigint not null);
-- highwater: each
insert into totals
select data->>'customer', case type when 'OrderPlaced' then 1 else -1 end, case type when 'OrderPlaced' then 1 else -1 end * (data->>'cents')::bigint
from event where type in ('OrderPlaced', 'OrderCancelled')
on conflict (customer) do update set orders = totals.orders + excluded.orders, cents = totals.cents + excluded.cents;
insert into log (position, stream, version) select position, stream, version from event;
select count(*) from log;
";

pub(crate) struct Fresh {
    pub(crate) url: String,
    pub(crate) store: Store,
    pub(crate) tasks: Tasks,
}

impl Fresh {
    pub(crate) async fn new() -> Self {
        Self::at(database().await).await
    }

    pub(crate) async fn at(url: String) -> Self {
        let tasks = Tasks::new();
        let store = Store::open(&url, StoreOptions::default(), &tasks)
            .await
            .unwrap();
        Self { url, store, tasks }
    }

    pub(crate) fn read_models(&self) -> ReadModels {
        ReadModels::start(self.store.clone(), &self.tasks, ReadModelOptions::default())
    }

    pub(crate) async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Waits until a read model has handled everything, and fails with its state when it does not.
    pub(crate) async fn caught_up(&self, read_models: &ReadModels, name: &str) {
        let head = self.store.mark().await.unwrap().position;
        let found = read_models
            .wait_until_handled(name, head, Duration::from_mins(1))
            .await
            .unwrap();
        let read_model = self.store.read_model(name).await.unwrap();
        assert!(found.handled, "{read_model:#?}");
    }

    /// Waits until a read model is as it should be.
    pub(crate) async fn until(&self, name: &str, is: impl Fn(&ReadModel) -> bool) -> ReadModel {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let read_model = self.store.read_model(name).await.unwrap();
            if is(&read_model) {
                return read_model;
            }
            assert!(tokio::time::Instant::now() < deadline, "{read_model:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Orders of ten customers in `orders` streams: three and more events in each, of three types; the fourth is not handled.
    pub(crate) async fn orders(&self, from: usize, orders: usize) {
        let mut lines = Vec::new();
        for round in 0..4 {
            for order in from..from + orders {
                let (kind, cents) = match round {
                    0 | 1 => ("OrderPlaced", 100 + order % 7),
                    2 => ("OrderNoted", 0),
                    _ if order % 3 == 0 => ("OrderCancelled", 100 + order % 7),
                    _ => ("PaymentMade", 1),
                };
                lines.push(json!({
                    "stream": format!("order-{order}"), "type": kind, "id": Ids.event_id(),
                    "data": {"customer": format!("c{}", order % 10), "cents": cents},
                }));
            }
        }
        for chunk in lines.chunks(500) {
            let lines: Vec<ImportLine> = chunk
                .iter()
                .map(|line| serde_json::from_str(&line.to_string()).unwrap())
                .collect();
            self.store.import(lines).await.unwrap();
        }
    }

    /// Appends events to a stream; answers the last position.
    pub(crate) async fn append(&self, stream: &str, event_type: &str, datas: &[Value]) -> Position {
        let events = datas
            .iter()
            .map(|data| ProposedEvent {
                event_type: event_type.to_owned(),
                data: RawValue::from_string(data.to_string()).unwrap(),
                id: None,
                occurred_at: None,
                metadata: None,
            })
            .collect();
        let append = AppendToStream {
            stream: StreamName::new(stream).unwrap(),
            expected_version: ExpectedVersion::Any,
            events,
        };
        let outcome = self.store.append(vec![append]).await.unwrap();
        outcome.appended.last().unwrap().last_position
    }

    /// What the totals must be: a fold of the log in this process.
    pub(crate) async fn fold(&self) -> BTreeMap<String, (i64, i64)> {
        let rows = sqlx::query("select t.name, e.data from highwater.events e join highwater.event_types t using (type_id) order by e.position")
            .fetch_all(&mut self.sql().await)
            .await
            .unwrap();
        let mut totals = BTreeMap::new();
        for row in rows {
            let sign = match row.get::<&str, _>(0) {
                "OrderPlaced" => 1,
                "OrderCancelled" => -1,
                _ => continue,
            };
            let data: Value = row.get(1);
            let total: &mut (i64, i64) = totals
                .entry(data["customer"].as_str().unwrap().to_owned())
                .or_default();
            total.0 += sign;
            total.1 += sign * data["cents"].as_i64().unwrap();
        }
        totals
    }

    pub(crate) async fn totals(&self, schema: &str) -> BTreeMap<String, (i64, i64)> {
        let sql = format!("select customer, orders, cents from {schema}.totals");
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut self.sql().await)
            .await
            .unwrap();
        rows.into_iter()
            .map(|(customer, orders, cents)| (customer, (orders, cents)))
            .collect()
    }
}

/// The URL of a new, empty database.
pub(crate) async fn database() -> String {
    let name = format!("t_{}", Ids.random().simple());
    let scratch = Scratch::get();
    let mut connection = PgConnection::connect(&scratch.url_for("postgres"))
        .await
        .unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    scratch.url_for(&name)
}

pub(crate) fn order() -> Order {
    Order::new("ada", Some("a test"))
}

pub(crate) async fn started(read_models: &ReadModels, name: &str, text: &str) {
    let defined = read_models.put(name, text, &order()).await.unwrap();
    assert!(matches!(defined, Defined::Started { .. }), "{defined:?}");
}

/// Begins to rebuild a read model, slowly: so many events a second.
pub(crate) async fn rebuild_slowly(read_models: &ReadModels, name: &str, speed: i32) -> i64 {
    let job = read_models
        .rebuild(name, &order(), &json!({}))
        .await
        .unwrap();
    read_models
        .set_speed(job, Some(speed), &order())
        .await
        .unwrap();
    job
}

/// Waits until a job is over.
pub(crate) async fn over(fresh: &Fresh, job: i64) -> Job {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    loop {
        let job = fresh.store.job(job).await.unwrap();
        if job.state.is_over() {
            return job;
        }
        assert!(tokio::time::Instant::now() < deadline, "{job:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
