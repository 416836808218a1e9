//! Finding streams.

use highwater_model::{Position, StreamList, StreamName, StreamOrder, StreamSummary, Version};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};

use crate::events::rows_limit;
use crate::{Store, StoreError, filter_sql};

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

pub(crate) const COLUMNS: &str = "select s.name, s.category, s.version, s.last_position, k.name as last_type, s.first_recorded_at, s.last_recorded_at
 from highwater.streams s join highwater.event_types k on k.type_id = s.last_type_id ";

pub(crate) fn summary(row: &PgRow) -> Result<StreamSummary, StoreError> {
    let name: String = row.try_get("name")?;
    Ok(StreamSummary {
        stream: StreamName::new(name).map_err(|error| {
            StoreError::Broken(format!("a stream in the database has a bad name: {error}"))
        })?,
        category: row.try_get("category")?,
        last_version: Version(row.try_get("version")?),
        last_position: Position(row.try_get("last_position")?),
        last_type: row.try_get("last_type")?,
        first_recorded_at: row
            .try_get::<jiff_sqlx::Timestamp, _>("first_recorded_at")?
            .to_jiff(),
        last_recorded_at: row
            .try_get::<jiff_sqlx::Timestamp, _>("last_recorded_at")?
            .to_jiff(),
    })
}

impl Store {
    /// A page of streams. By activity, the newest come from the log's own end as long as nothing narrows them.
    pub async fn streams(&self, query: StreamQuery) -> Result<StreamList, StoreError> {
        let texts = [&query.query, &query.category, &query.cursor];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(StoreError::BadQuery(
                "no stored text holds a NUL character; leave it out".to_owned(),
            ));
        }
        let limit = rows_limit(if query.limit == 0 { 100 } else { query.limit });
        let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
        sql.push("where true");
        if let Some(category) = &query.category {
            sql.push(" and s.category = ").push_bind(category.clone());
        }
        if let Some(part) = query
            .query
            .as_deref()
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
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
        if let Some(cursor) = query.cursor {
            match query.order {
                StreamOrder::Name => {
                    sql.push(" and s.name > ").push_bind(cursor);
                }
                StreamOrder::Active => {
                    let position: i64 = cursor.parse().map_err(|_| {
                        StoreError::BadQuery(
                            "this cursor is not one that this list gave".to_owned(),
                        )
                    })?;
                    sql.push(" and s.last_position < ").push_bind(position);
                }
            }
        }
        sql.push(match query.order {
            StreamOrder::Name => " order by s.name limit ",
            StreamOrder::Active => " order by s.last_position desc limit ",
        });
        sql.push_bind(limit + 1);
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

    pub(crate) async fn stream_count(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "select coalesce(sum(streams), 0)::bigint from highwater.category_blocks",
        )
        .fetch_one(self.pool())
        .await?)
    }
}
