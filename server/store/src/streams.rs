//! Finding streams.

use highwater_model::{Position, StreamList, StreamOrder, StreamSummary, Version};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};

use crate::events::rows_limit;
use crate::{Store, StoreError, filter_sql, row};

/// Which streams.
#[derive(Debug, Clone, Default)]
pub struct StreamQuery {
    /// Part of the name, or a pattern with `*`.
    pub query: Option<String>,
    /// Only of this category.
    pub category: Option<String>,
    /// Sorted how.
    pub order: StreamOrder,
    /// How many at most; 100 when 0.
    pub limit: usize,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Facts of streams; between these two stands a relation with their rows of `highwater.streams`.
pub(crate) const COLUMNS: &str =
    "select s.name, s.category, h.version, h.position as last_position, k.name as last_type,
   f.recorded_at as first_recorded_at, h.recorded_at as last_recorded_at from ";
pub(crate) const ENDS: &str = " s
 cross join lateral (select e.version, e.position, e.type_id, e.recorded_at from highwater.events e where e.stream_id = s.stream_id order by e.version desc limit 1) h
 cross join lateral (select e.recorded_at from highwater.events e where e.stream_id = s.stream_id order by e.version limit 1) f
 join highwater.event_types k on k.type_id = h.type_id ";

/// Streams whose ends are looked up to sort them by activity. Beyond that, the log's own end is walked instead, which is quick just because
/// so many streams match.
const SORTED: i64 = 20_000;
/// Of the newest streams so many are looked at, to see whether a search matches so often that the log's end alone fills a page.
const SAMPLE: i64 = 10_000;
/// It does when one in five hundred matches: what is walked then is some 150,000 events at most, however long the log is, while to count
/// is to look at every name.
const OFTEN: i64 = SAMPLE / 500;

pub(crate) fn summary(row: &PgRow) -> Result<StreamSummary, StoreError> {
    Ok(StreamSummary {
        stream: row::stream(row, "name")?,
        category: row.try_get("category")?,
        last_version: Version(row.try_get("version")?),
        last_position: Position(row.try_get("last_position")?),
        last_type: row.try_get("last_type")?,
        first_recorded_at: row::time(row, "first_recorded_at")?,
        last_recorded_at: row::time(row, "last_recorded_at")?,
    })
}

impl Store {
    /// A page of streams.
    pub async fn streams(&self, query: StreamQuery) -> Result<StreamList, StoreError> {
        let texts = [&query.query, &query.category, &query.cursor];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(StoreError::BadQuery(
                "no stored text holds a NUL character; leave it out".to_owned(),
            ));
        }
        let limit = rows_limit(if query.limit == 0 { 100 } else { query.limit });
        let mut sql = match query.order {
            StreamOrder::Name => by_name(&query, limit + 1),
            StreamOrder::Active => {
                let before = match &query.cursor {
                    None => i64::MAX,
                    Some(cursor) => cursor.parse().map_err(|_| {
                        StoreError::BadQuery(
                            "this cursor is not one that this list gave".to_owned(),
                        )
                    })?,
                };
                if self.matches_many(&query).await? {
                    from_the_end(&query, before, limit + 1)
                } else {
                    sorted(&query, before, limit + 1)
                }
            }
        };
        let rows = sql.build().fetch_all(self.pool()).await?;
        let mut streams = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
        let more = streams.len() as i128 > i128::from(limit);
        if more {
            streams.pop();
        }
        let next = streams
            .last()
            .filter(|_| more)
            .map(|last| match query.order {
                StreamOrder::Name => last.stream.to_string(),
                StreamOrder::Active => last.last_position.to_string(),
            });
        Ok(StreamList {
            streams,
            next,
            total: self.stream_count().await?,
        })
    }

    /// Whether the page is found by walking back from the log's end rather than by sorting all that match. Counting them is a look at each
    /// name, so the newest streams, whose ends are near the log's, are asked first.
    async fn matches_many(&self, query: &StreamQuery) -> Result<bool, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(
            "select count(*) from (select from (select * from highwater.streams n order by n.stream_id desc limit ",
        );
        sql.push_bind(SAMPLE).push(") s where true");
        push_match(&mut sql, query);
        sql.push(" limit ").push_bind(OFTEN + 1).push(") m");
        let often: i64 = sql.build_query_scalar().fetch_one(self.pool()).await?;
        if often > OFTEN {
            return Ok(true);
        }
        let mut sql = QueryBuilder::<Postgres>::new(
            "select count(*) from (select from highwater.streams s where true",
        );
        push_match(&mut sql, query);
        sql.push(" limit ").push_bind(SORTED + 1).push(") m");
        let found: i64 = sql.build_query_scalar().fetch_one(self.pool()).await?;
        Ok(found > SORTED)
    }

    pub(crate) async fn stream_count(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "select coalesce(sum(streams), 0)::bigint from highwater.category_blocks",
        )
        .fetch_one(self.pool())
        .await?)
    }
}

/// By name: the index has them in order.
fn by_name(query: &StreamQuery, limit: i64) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push("(select * from highwater.streams s where true");
    push_match(&mut sql, query);
    if let Some(cursor) = &query.cursor {
        sql.push(" and s.name > ").push_bind(cursor.clone());
    }
    sql.push(" order by s.name limit ").push_bind(limit);
    sql.push(")").push(ENDS).push("order by s.name");
    sql
}

/// By activity, each one's end looked up; the rest is for those of the page alone.
fn sorted(query: &StreamQuery, before: i64, limit: i64) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push("(select s.* from (select * from highwater.streams s where true");
    push_match(&mut sql, query);
    sql.push(
        " offset 0) s cross join lateral (select e.position from highwater.events e where e.stream_id = s.stream_id order by e.version desc limit 1) l
         where l.position < ",
    )
    .push_bind(before);
    sql.push(" order by l.position desc limit ")
        .push_bind(limit);
    sql.push(")").push(ENDS).push("order by h.position desc");
    sql
}

/// By activity, from the log's end back, or from the category's: each event that is its stream's newest. `offset 0` keeps the planner from
/// another order: it expects few streams to match and would look at the end of each, which are very many. The comparison is a probe by
/// itself, of the stream that has matched.
fn from_the_end(query: &StreamQuery, before: i64, limit: i64) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push("(select s.* from (select e.stream_id, e.version, e.position from highwater.events e where e.position < ")
        .push_bind(before);
    if let Some(category) = &query.category {
        sql.push(" and e.position <= (select max(b.last_position) from highwater.category_blocks b where b.category = ")
            .push_bind(category.clone())
            .push(")");
    }
    sql.push(" order by e.position desc offset 0) e cross join lateral (select * from highwater.streams s where s.stream_id = e.stream_id");
    push_match(&mut sql, query);
    sql.push(" offset 0) s where e.version = (select n.version from highwater.events n where n.stream_id = s.stream_id order by n.version desc limit 1) order by e.position desc limit ")
        .push_bind(limit);
    sql.push(")").push(ENDS).push("order by h.position desc");
    sql
}

/// Which streams, as conditions on `s`.
fn push_match(sql: &mut QueryBuilder<Postgres>, query: &StreamQuery) {
    if let Some(category) = &query.category {
        sql.push(" and s.category = ").push_bind(category.clone());
    }
    let part = query.query.as_deref().map(str::trim);
    if let Some(part) = part.filter(|part| !part.is_empty()) {
        let pattern = if part.contains('*') {
            part.split('*')
                .map(filter_sql::escape_like)
                .collect::<Vec<_>>()
                .join("%")
        } else {
            format!("%{}%", filter_sql::escape_like(part))
        };
        sql.push(" and lower(s.name) like lower(")
            .push_bind(pattern)
            .push(")");
    }
}
