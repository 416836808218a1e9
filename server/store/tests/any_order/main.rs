//! Appends, SQL transactions and reads in any order: the store does what a plain list would. `PROPTEST_CASES` tries more than 32 orders.
#![expect(clippy::unwrap_used, reason = "a test fails where it breaks")]

mod list;
mod orders;
#[path = "../support/mod.rs"]
mod support;

use std::cell::Cell;

use highwater_model::{Appended, Position, RecordedEvent, Version};
use highwater_store::{Direction, Ids, LimitError, LogQuery, StoreError};
use list::{Answer, List, Refusal, count};
use orders::{New, Order, Part};
use proptest::prelude::ProptestConfig;
use proptest::test_runner::TestRunner;
use serde_json::json;
use sqlx::error::DatabaseError;
use sqlx::{Connection, Executor, PgConnection};
use support::{Fresh, append, event, event_with_id, fresh, name};
use uuid::Uuid;

#[test]
fn the_store_does_what_a_list_would() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let fresh = runtime.block_on(fresh());
    let cases = std::env::var("PROPTEST_CASES").ok();
    let config = ProptestConfig {
        cases: cases.and_then(|cases| cases.parse().ok()).unwrap_or(32),
        // Each is a whole case on a real database.
        max_shrink_iters: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // One database for all: each case has streams of its own, and begins where the log ends.
    let number = Cell::new(0);
    let done = TestRunner::new(config).run(&orders::orders(), |orders| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let mut case = Case::begin(&fresh, number.get()).await;
            for order in &orders {
                case.obey(order).await;
                case.compare().await;
            }
        });
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

struct Case<'a> {
    fresh: &'a Fresh,
    sql: PgConnection,
    number: u32,
    /// The log's end before it.
    base: i64,
    ids: Vec<Uuid>,
    list: List,
    appended: Vec<Vec<Part>>,
}

impl<'a> Case<'a> {
    async fn begin(fresh: &'a Fresh, number: u32) -> Self {
        let mut sql = PgConnection::connect(&fresh.url).await.unwrap();
        let base = sqlx::query_scalar("select coalesce(max(position), 0) from highwater.events");
        Self {
            base: base.fetch_one(&mut sql).await.unwrap(),
            fresh,
            sql,
            number,
            ids: (0..orders::IDS).map(|_| Ids.random()).collect(),
            list: List::default(),
            appended: Vec::new(),
        }
    }

    fn stream(&self, number: usize) -> String {
        format!("case{}-{number}", self.number)
    }

    async fn obey(&mut self, order: &Order) {
        match order {
            Order::Append(parts) => {
                self.appended.push(parts.clone());
                self.append(parts).await;
            }
            Order::AppendAgain(which) => {
                if !self.appended.is_empty() {
                    let parts = self.appended[which.index(self.appended.len())].clone();
                    self.append(&parts).await;
                }
            }
            Order::Transaction(parts, commits) => self.transaction(parts, *commits).await,
            Order::ReadLog(after, limit, direction) => {
                self.read_log(*after, *limit, *direction).await;
            }
            Order::ReadStream(stream, from, limit, direction) => {
                self.read_stream(*stream, *from, *limit, *direction).await;
            }
        }
    }

    async fn append(&mut self, parts: &[Part]) {
        let appends = parts.iter().map(|part| {
            let events = part.events.iter().map(|new| self.proposed(new));
            append(&self.stream(part.stream), part.expected, events.collect())
        });
        let appends = appends.collect();
        let found = match self.fresh.store.append(appends).await {
            Ok(outcome) => Ok(Answer {
                appended: outcome
                    .appended
                    .iter()
                    .map(|one| self.places(one))
                    .collect(),
                duplicate: outcome.duplicate,
            }),
            Err(StoreError::Limit(LimitError::StreamTwice { .. })) => Err(Refusal::StreamTwice),
            Err(StoreError::IdReused { id }) => {
                let mut news = parts.iter().flat_map(|part| &part.events);
                assert!(news.any(|new| new.id.is_some_and(|number| self.ids[number] == id)));
                Err(Refusal::IdReused)
            }
            Err(StoreError::Conflict { stream, actual, .. }) => Err(Refusal::Conflict(
                (0..orders::STREAMS).find(|number| self.stream(*number) == stream.as_str()),
                actual.map(|version| version.0),
            )),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(found, self.list.append(parts), "{parts:?}");
    }

    fn proposed(&self, new: &New) -> highwater_model::ProposedEvent {
        match new.id {
            Some(number) => event_with_id(new.event_type, &json!(new.data), self.ids[number]),
            None => event(new.event_type, &json!(new.data)),
        }
    }

    /// Versions as they are, positions as the list counts them.
    fn places(&self, appended: &Appended) -> [i64; 4] {
        [
            appended.first_version.0,
            appended.last_version.0,
            appended.first_position.0 - self.base - 1,
            appended.last_position.0 - self.base - 1,
        ]
    }

    async fn transaction(&mut self, parts: &[Part], commits: bool) {
        self.sql.execute("begin").await.unwrap();
        let mut within = self.list.clone();
        for part in parts {
            let events: Vec<_> = part.events.iter().map(|new| self.said(new)).collect();
            let stream = self.stream(part.stream);
            let versions: Result<Vec<i64>, _> =
                sqlx::query_scalar("select version from highwater.append($1, $2, $3)")
                    .bind(stream)
                    .bind(list::number(part.expected))
                    .bind(json!(events))
                    .fetch_all(&mut self.sql)
                    .await;
            let versions = versions.map_err(|error| {
                let code = error.as_database_error().and_then(DatabaseError::code);
                code.map(std::borrow::Cow::into_owned).unwrap_or_default()
            });
            let expected = within.append_by_sql(part).map_err(str::to_owned);
            assert_eq!(versions, expected, "{part:?}");
            if versions.is_err() {
                self.sql.execute("rollback").await.unwrap();
                return;
            }
        }
        if commits {
            self.sql.execute("commit").await.unwrap();
            self.list = within;
        } else {
            self.sql.execute("rollback").await.unwrap();
        }
    }

    fn said(&self, new: &New) -> serde_json::Value {
        let mut event = json!({"type": new.event_type, "data": new.data});
        if let Some(number) = new.id {
            event["id"] = json!(self.ids[number]);
        }
        event
    }

    /// The events of the list with these places, as those that were read must be.
    fn is(&self, found: &[RecordedEvent], places: &[usize]) {
        assert_eq!(found.len(), places.len(), "{places:?}");
        for (event, place) in found.iter().zip(places) {
            let entry = &self.list.entries[*place];
            assert_eq!(event.position.0, self.base + 1 + count(*place));
            assert_eq!(event.stream.as_str(), self.stream(entry.stream));
            assert_eq!(event.version.0, entry.version);
            assert_eq!(event.event_type, entry.new.event_type);
            assert_eq!(event.data.get(), entry.new.data.to_string());
            if let Some(number) = entry.new.id {
                assert_eq!(event.id, self.ids[number]);
            }
        }
    }

    /// All of it.
    async fn compare(&self) {
        let tail = self.fresh.store.read_tail(Position(self.base), 10_000);
        let places: Vec<usize> = (0..self.list.entries.len()).collect();
        self.is(&tail.await.unwrap(), &places);
    }

    async fn read_log(&self, after: usize, limit: usize, direction: Direction) {
        let mut places: Vec<usize> = (after..self.list.entries.len()).collect();
        if direction == Direction::Backward {
            places.reverse();
        }
        let mut query = LogQuery {
            after: Some(Position(self.base + count(after))),
            limit,
            direction,
            ..LogQuery::default()
        };
        let mut left = places.as_slice();
        loop {
            let page = self.fresh.store.read_log(query.clone()).await.unwrap();
            let (here, behind) = left.split_at(left.len().min(limit));
            self.is(&page.events, here);
            assert_eq!(page.head.0, self.base + count(self.list.entries.len()));
            assert_eq!(page.next.is_some(), !behind.is_empty());
            match direction {
                _ if page.next.is_none() => return,
                Direction::Forward => query.after = page.next,
                Direction::Backward => query.before = page.next,
            }
            left = behind;
        }
    }

    async fn read_stream(
        &self,
        stream: usize,
        from: Option<i64>,
        limit: usize,
        direction: Direction,
    ) {
        let mut places = self.list.of_stream(stream);
        let last = count(places.len()) - 1;
        let from = from.map(Version);
        let name = name(&self.stream(stream));
        let page = self.fresh.store.read_stream(&name, from, limit, direction);
        let Some(page) = page.await.unwrap() else {
            assert!(places.is_empty(), "{name} is there");
            return;
        };
        assert_eq!(page.last_version.0, last);
        let version = |place: &usize| Version(self.list.entries[*place].version);
        places.retain(|place| match direction {
            Direction::Forward => from.is_none_or(|from| version(place) >= from),
            Direction::Backward => from.is_none_or(|from| version(place) <= from),
        });
        if direction == Direction::Backward {
            places.reverse();
        }
        let (here, behind) = places.split_at(places.len().min(limit));
        self.is(&page.events, here);
        assert_eq!(page.next, behind.first().map(version));
    }
}
