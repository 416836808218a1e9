//! Reading the log.

use highwater_model::filter::Filter;
use highwater_model::{EventPage, EventWithCauses, Position, RecordedEvent};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{Store, StoreError, filter_sql, names, row, wake};

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
        Self {
            after: None,
            before: None,
            limit: 100,
            direction: Direction::Forward,
            filter: Filter::default(),
        }
    }
}

/// More than this in one page helps nobody and holds memory.
pub(crate) const PAGE_LIMIT: usize = 10_000;

pub(crate) fn rows_limit(limit: usize) -> i64 {
    i64::try_from(limit.clamp(1, PAGE_LIMIT)).unwrap_or(1)
}

/// What a page has.
pub(crate) struct Found {
    /// One more than the page has room for, if there are.
    pub(crate) events: Vec<RecordedEvent>,
    /// Where to go on, if not everything was looked at.
    pub(crate) looked_to: Option<Position>,
}

impl Found {
    fn all(events: Vec<RecordedEvent>) -> Self {
        Self {
            events,
            looked_to: None,
        }
    }
}

/// The page's own query. `within` narrows it to a range `r` that it stands beside.
pub(crate) fn push_page(
    sql: &mut QueryBuilder<Postgres>,
    query: &LogQuery,
    within: &'static str,
    head: Position,
    limit: i64,
    now: jiff::Timestamp,
) {
    sql.push(row::COLUMNS).push(row::FROM);
    push_places(sql, query, head);
    sql.push(within);
    filter_sql::push(sql, &query.filter, now);
    push_end(sql, query, limit);
}

/// Between which positions.
pub(crate) fn push_places(sql: &mut QueryBuilder<Postgres>, query: &LogQuery, head: Position) {
    sql.push("where e.position <= ").push_bind(head.0);
    if let Some(after) = query.after {
        sql.push(" and e.position > ").push_bind(after.0);
    }
    if let Some(before) = query.before {
        sql.push(" and e.position < ").push_bind(before.0);
    }
}

/// From which end, and how many.
fn push_end(sql: &mut QueryBuilder<Postgres>, query: &LogQuery, limit: i64) {
    sql.push(match query.direction {
        Direction::Forward => " order by e.position limit ",
        Direction::Backward => " order by e.position desc limit ",
    });
    sql.push_bind(limit);
}

impl Store {
    /// A page of the log by position. A filter that matches little may look at much: after about a second the page is what was found, and its
    /// `next` is how far it has looked.
    pub async fn read_log(&self, mut query: LogQuery) -> Result<EventPage, StoreError> {
        let head = wake::head(self.pool()).await?;
        let now = self.clock().now();
        let (since, until) = filter_sql::span(&query.filter, now);
        if let Some(since) = since {
            let first = Position(self.first_position_at(since).await? - 1);
            query.after = query.after.max(Some(first));
        }
        if let Some(until) = until {
            let end = Position(self.first_position_at(until).await?);
            query.before = Some(query.before.map_or(end, |before| before.min(end)));
        }
        let limit = rows_limit(query.limit);
        let filter = &query.filter;
        let mut found = if filter.is_empty() {
            Found::all(self.read_stretch(&query, head, limit + 1).await?)
        } else if let Some(streams) = filter_sql::streams(filter) {
            let events = self.read_streams(&query, &streams, head, limit + 1, now);
            Found::all(events.await?)
        } else if filter_sql::names_few(filter) {
            let mut sql = QueryBuilder::<Postgres>::new("");
            push_page(&mut sql, &query, "", head, limit + 1, now);
            Found::all(row::events(&sql.build().fetch_all(self.pool()).await?)?)
        } else {
            self.look(&query, head, limit + 1, now).await?
        };
        let more = found.events.len() as i128 > i128::from(limit);
        if more {
            found.events.pop();
        }
        let next = if more {
            found.events.last().map(|event| event.position)
        } else {
            found.looked_to
        };
        Ok(EventPage {
            events: found.events,
            next,
            head,
            high_water: head,
        })
    }

    /// All events between two positions, without a look at anything else.
    async fn read_stretch(
        &self,
        query: &LogQuery,
        head: Position,
        wanted: i64,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(names::COLUMNS);
        push_places(&mut sql, query, head);
        push_end(&mut sql, query, wanted);
        self.named(sql.build_query_as().fetch_all(self.pool()).await?)
            .await
    }

    /// Everything after a position, in order, without gaps: what a tail reads.
    pub async fn read_tail(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(names::COLUMNS);
        sql.push("where e.position > ")
            .push_bind(after.0)
            .push(" order by e.position limit ")
            .push_bind(rows_limit(limit));
        self.named(sql.build_query_as().fetch_all(self.pool()).await?)
            .await
    }

    /// One event, what caused it and what it caused.
    pub async fn event(&self, id: Uuid) -> Result<Option<EventWithCauses>, StoreError> {
        let Some(event) = self.by_id(id).await? else {
            return Ok(None);
        };
        let cause = match event.known_metadata().causation_id {
            Some(cause) if cause != id => self.by_id(cause).await?,
            _ => None,
        };
        let mut sql = QueryBuilder::<Postgres>::new(row::COLUMNS);
        sql.push(row::FROM)
            .push("where e.causation_id = ")
            .push_bind(id)
            .push(" order by e.position limit 100");
        let effects = row::events(&sql.build().fetch_all(self.pool()).await?)?;
        let handled_by = self.handled_by(&event.event_type, event.position).await?;
        Ok(Some(EventWithCauses {
            event,
            cause,
            effects,
            handled_by,
        }))
    }

    async fn by_id(&self, id: Uuid) -> Result<Option<RecordedEvent>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(row::COLUMNS);
        sql.push(row::FROM)
            .push("where e.event_id = ")
            .push_bind(id);
        sql.build()
            .fetch_optional(self.pool())
            .await?
            .as_ref()
            .map(row::event)
            .transpose()
    }
}
