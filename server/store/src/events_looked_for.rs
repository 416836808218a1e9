//! Looking for events that a filter lets through where no index leads to them: stretch by stretch, and not for ever.

use std::time::{Duration, Instant};

use highwater_model::{Position, RecordedEvent};
use sqlx::{Postgres, QueryBuilder};

use crate::events::{Found, push_page};
use crate::{Direction, LogQuery, Store, StoreError, filter_sql, row};

/// Positions of a block in `type_blocks` and `category_blocks`.
const BLOCK: i64 = 10_000;
/// Blocks that are looked through in one statement, at most.
const BLOCKS: i64 = 256;
/// A statement that took longer is followed by a smaller one: from a disk, a block takes thirty times as long as from memory.
const QUICK: Duration = Duration::from_millis(100);

/// What is still to be looked through.
#[derive(Debug, Clone, Copy)]
struct Rest {
    low: i64,
    high: i64,
    direction: Direction,
}

impl Rest {
    fn of(query: &LogQuery, head: Position) -> Self {
        Self {
            low: query.after.map_or(0, |after| after.0.saturating_add(1)),
            high: query
                .before
                .map_or(head.0, |before| head.0.min(before.0.saturating_sub(1))),
            direction: query.direction,
        }
    }

    fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// What was looked through ends with this block.
    fn without(self, block: i64) -> Self {
        match self.direction {
            Direction::Forward => Self {
                low: (block + 1) * BLOCK,
                ..self
            },
            Direction::Backward => Self {
                high: block * BLOCK - 1,
                ..self
            },
        }
    }

    /// Where a next page goes on: `after` or `before`.
    fn goes_on(self) -> Position {
        Position(match self.direction {
            Direction::Forward => self.low - 1,
            Direction::Backward => self.high + 1,
        })
    }
}

impl Store {
    /// Looks through the log, or through the blocks that hold the filter's types or categories: few at first and then more at once. So a rare
    /// type's events are found without a scan of the log, and a common one's page ends in the first block.
    pub(crate) async fn look(
        &self,
        query: &LogQuery,
        head: Position,
        wanted: i64,
        now: jiff::Timestamp,
    ) -> Result<Found, StoreError> {
        let began = Instant::now();
        let mut rest = Rest::of(query, head);
        let mut found = Found {
            events: Vec::new(),
            looked_to: None,
        };
        let mut take = 1;
        while !rest.is_empty() {
            let asked = Instant::now();
            let blocks = self.blocks(query, rest, take).await?;
            let Some(last) = blocks.last() else { break };
            let missing = wanted - i64::try_from(found.events.len()).unwrap_or(wanted);
            let events = self.in_blocks(query, &blocks, head, missing, now).await?;
            found.events.extend(events);
            rest = rest.without(last.0);
            if found.events.len() as i128 >= i128::from(wanted)
                || blocks.len() < usize::try_from(take).unwrap_or(1)
            {
                break;
            }
            if began.elapsed() > self.look_for() && !rest.is_empty() {
                found.looked_to = Some(rest.goes_on());
                break;
            }
            take = if asked.elapsed() < QUICK {
                (take * 4).min(BLOCKS)
            } else {
                (take / 2).max(1)
            };
        }
        Ok(found)
    }

    /// The next blocks of the rest, so many at most: number, first and last position to look at. Of a filter without types and categories, all.
    async fn blocks(
        &self,
        query: &LogQuery,
        rest: Rest,
        take: i64,
    ) -> Result<Vec<(i64, i64, i64)>, StoreError> {
        let (low, high) = (rest.low, rest.high);
        let forward = rest.direction == Direction::Forward;
        if !filter_sql::has_blocks(&query.filter) {
            let (first, last) = (low / BLOCK, high / BLOCK);
            return Ok((0..take)
                .map(|nth| if forward { first + nth } else { last - nth })
                .filter(|block| (first..=last).contains(block))
                .map(|block| {
                    let begin = block * BLOCK;
                    (block, begin.max(low), (begin + BLOCK - 1).min(high))
                })
                .collect());
        }
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
        let within = blocks
            .into_iter()
            .map(|(block, first, last)| (block, first.max(low), last.min(high)));
        Ok(within.collect())
    }

    /// Events of these blocks that the filter lets through, so many at most.
    async fn in_blocks(
        &self,
        query: &LogQuery,
        blocks: &[(i64, i64, i64)],
        head: Position,
        wanted: i64,
        now: jiff::Timestamp,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new("select q.* from unnest(");
        sql.push_bind(blocks.iter().map(|block| block.1).collect::<Vec<_>>())
            .push("::bigint[], ")
            .push_bind(blocks.iter().map(|block| block.2).collect::<Vec<_>>())
            .push("::bigint[]) r(low, high) cross join lateral (");
        push_page(
            &mut sql,
            query,
            " and e.position between r.low and r.high",
            head,
            wanted,
            now,
        );
        sql.push(match query.direction {
            Direction::Forward => ") q order by q.position limit ",
            Direction::Backward => ") q order by q.position desc limit ",
        })
        .push_bind(wanted);
        row::events(&sql.build().fetch_all(self.pool()).await?)
    }
}
