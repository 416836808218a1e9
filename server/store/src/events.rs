//! Reading the log.

use highwater_model::filter::Filter;
use highwater_model::{EventPage, EventWithCauses, Position, RecordedEvent};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{Store, StoreError, filter_sql, row, wake};

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Oldest first.
    #[default]
    Forward,
    /// Newest first.
    Backward,
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Only above this position.
    pub after: Option<Position>,
    /// Only below this position.
    pub before: Option<Position>,
    /// How many at most.
    pub limit: usize,
    /// Which way.
    pub direction: Direction,
    /// Which.
    pub filter: Filter,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self { after: None, before: None, limit: 100, direction: Direction::Forward, filter: Filter::default() }
    }
}

/// More than this in one page helps nobody and holds memory.
pub(crate) const PAGE_LIMIT: usize = 10_000;

pub(crate) fn rows_limit(limit: usize) -> i64 {
    i64::try_from(limit.clamp(1, PAGE_LIMIT)).unwrap_or(1)
}

impl Store {
    /// A page of the log by position. A filter that matches little may scan much; the database stops it after 15 s.
    pub async fn read_log(&self, query: LogQuery) -> Result<EventPage, StoreError> {
        let head = wake::head(self.pool()).await?;
        let limit = rows_limit(query.limit);
        let mut sql = QueryBuilder::<Postgres>::new(row::COLUMNS);
        sql.push(row::FROM).push("where e.position <= ").push_bind(head.0);
        if let Some(after) = query.after {
            sql.push(" and e.position > ").push_bind(after.0);
        }
        if let Some(before) = query.before {
            sql.push(" and e.position < ").push_bind(before.0);
        }
        filter_sql::push(&mut sql, &query.filter, self.clock().now());
        sql.push(match query.direction {
            Direction::Forward => " order by e.position limit ",
            Direction::Backward => " order by e.position desc limit ",
        });
        sql.push_bind(limit + 1);
        let mut events = row::events(&sql.build().fetch_all(self.pool()).await?)?;
        let more = events.len() as i128 > i128::from(limit);
        if more {
            events.pop();
        }
        let next = if more { events.last().map(|event| event.position) } else { None };
        Ok(EventPage { events, next, head, high_water: head })
    }

    /// Everything after a position, in order, without gaps: what a tail reads.
    pub async fn read_tail(&self, after: Position, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(row::COLUMNS);
        sql.push(row::FROM).push("where e.position > ").push_bind(after.0).push(" order by e.position limit ").push_bind(rows_limit(limit));
        row::events(&sql.build().fetch_all(self.pool()).await?)
    }

    /// One event, what caused it and what it caused.
    pub async fn event(&self, id: Uuid) -> Result<Option<EventWithCauses>, StoreError> {
        let Some(event) = self.by_id(id).await? else { return Ok(None) };
        let cause = match event.known_metadata().causation_id {
            Some(cause) if cause != id => self.by_id(cause).await?,
            _ => None,
        };
        let mut sql = QueryBuilder::<Postgres>::new(row::COLUMNS);
        sql.push(row::FROM).push("where e.causation_id = ").push_bind(id).push(" order by e.position limit 100");
        let effects = row::events(&sql.build().fetch_all(self.pool()).await?)?;
        Ok(Some(EventWithCauses { event, cause, effects }))
    }

    async fn by_id(&self, id: Uuid) -> Result<Option<RecordedEvent>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(row::COLUMNS);
        sql.push(row::FROM).push("where e.event_id = ").push_bind(id).push(" order by e.position limit 1");
        sql.build().fetch_optional(self.pool()).await?.as_ref().map(row::event).transpose()
    }

    /// The events of a flow, by position.
    pub async fn flow(&self, correlation_id: Uuid, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(row::COLUMNS);
        sql.push(row::FROM).push("where e.correlation_id = ").push_bind(correlation_id);
        sql.push(" order by e.position limit ").push_bind(rows_limit(limit));
        row::events(&sql.build().fetch_all(self.pool()).await?)
    }
}
