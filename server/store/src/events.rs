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

/// Positions of a block in `type_blocks` and `category_blocks`.
const BLOCK: i64 = 10_000;

/// The page's own query. `within` narrows it to a range `r` that it stands beside.
fn push_page(
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
    /// A page of the log by position. A filter that matches little may scan much; the database stops it after 15 s.
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
        let mut events = if query.filter.is_empty() {
            self.read_stretch(&query, head, limit + 1).await?
        } else if let Some(streams) = filter_sql::streams(&query.filter) {
            self.read_streams(&query, &streams, head, limit + 1, now)
                .await?
        } else if filter_sql::has_blocks(&query.filter) {
            self.read_blocks(&query, head, limit + 1, now).await?
        } else {
            let mut sql = QueryBuilder::<Postgres>::new("");
            push_page(&mut sql, &query, "", head, limit + 1, now);
            row::events(&sql.build().fetch_all(self.pool()).await?)?
        };
        let more = events.len() as i128 > i128::from(limit);
        if more {
            events.pop();
        }
        let next = if more {
            events.last().map(|event| event.position)
        } else {
            None
        };
        Ok(EventPage {
            events,
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

    /// Reads through the blocks that hold the filter's types or categories, few at first and then more at once: a rare one's events
    /// are found without a scan of the log, and a common one's page ends in the first block.
    async fn read_blocks(
        &self,
        query: &LogQuery,
        head: Position,
        wanted: i64,
        now: jiff::Timestamp,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let forward = query.direction == Direction::Forward;
        let (mut low, mut high) = (
            query.after.map_or(0, |after| after.0.saturating_add(1)),
            query
                .before
                .map_or(head.0, |before| head.0.min(before.0.saturating_sub(1))),
        );
        let mut events = Vec::new();
        let mut take = 1;
        while low <= high {
            let mut sql = QueryBuilder::<Postgres>::new(
                "select b.block, min(b.first_position), max(b.last_position) from ",
            );
            filter_sql::push_blocks(&mut sql, &query.filter);
            // By the block as well, so that the key of the table finds the place.
            sql.push(" and b.block >= ")
                .push_bind(low / BLOCK)
                .push(" and b.block <= ")
                .push_bind(high / BLOCK);
            sql.push(" and b.last_position >= ")
                .push_bind(low)
                .push(" and b.first_position <= ")
                .push_bind(high);
            sql.push(if forward {
                " group by 1 order by 1 limit "
            } else {
                " group by 1 order by 1 desc limit "
            })
            .push_bind(take);
            let blocks: Vec<(i64, i64, i64)> = sql.build_query_as().fetch_all(self.pool()).await?;
            let Some(last) = blocks.last() else { break };
            let lows: Vec<i64> = blocks.iter().map(|block| block.1.max(low)).collect();
            let highs: Vec<i64> = blocks.iter().map(|block| block.2.min(high)).collect();
            if forward {
                low = (last.0 + 1) * BLOCK;
            } else {
                high = last.0 * BLOCK - 1;
            }
            let rest = wanted - i64::try_from(events.len()).unwrap_or(wanted);
            let mut sql = QueryBuilder::<Postgres>::new("select q.* from unnest(");
            sql.push_bind(lows)
                .push("::bigint[], ")
                .push_bind(highs)
                .push("::bigint[]) r(low, high) cross join lateral (");
            push_page(
                &mut sql,
                query,
                " and e.position between r.low and r.high",
                head,
                rest,
                now,
            );
            sql.push(if forward {
                ") q order by q.position limit "
            } else {
                ") q order by q.position desc limit "
            })
            .push_bind(rest);
            events.extend(row::events(&sql.build().fetch_all(self.pool()).await?)?);
            if events.len() as i128 >= i128::from(wanted)
                || blocks.len() < usize::try_from(take).unwrap_or(1)
            {
                break;
            }
            take = (take * 4).min(256);
        }
        Ok(events)
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
