//! One stream.

use highwater_model::{StreamName, StreamPage, StreamSummary, Version};
use sqlx::{Postgres, QueryBuilder};

use crate::events::rows_limit;
use crate::{Direction, Store, StoreError, names, streams};

impl Store {
    /// A page of one stream by version, from `from` (inclusive) or from the end that the direction starts at; none when there is no such stream.
    pub async fn read_stream(
        &self,
        stream: &StreamName,
        from: Option<Version>,
        limit: usize,
        direction: Direction,
    ) -> Result<Option<StreamPage>, StoreError> {
        let Some((stream_id, last_version)) = self.head_of(stream).await? else {
            return Ok(None);
        };
        let mut sql = QueryBuilder::<Postgres>::new(names::COLUMNS);
        sql.push("where e.stream_id = ")
            .push_bind(stream_id)
            .push(" and e.version <= ")
            .push_bind(last_version);
        match (direction, from) {
            (Direction::Forward, Some(from)) => {
                sql.push(" and e.version >= ").push_bind(from.0);
            }
            (Direction::Backward, Some(from)) => {
                sql.push(" and e.version <= ").push_bind(from.0);
            }
            (_, None) => {}
        }
        sql.push(match direction {
            Direction::Forward => " order by e.version limit ",
            Direction::Backward => " order by e.version desc limit ",
        });
        sql.push_bind(rows_limit(limit));
        let events = self
            .named(sql.build_query_as().fetch_all(self.pool()).await?)
            .await?;
        let next = events.last().and_then(|event| match direction {
            Direction::Forward if event.version.0 < last_version => {
                Some(Version(event.version.0 + 1))
            }
            Direction::Backward if event.version.0 > 0 => Some(Version(event.version.0 - 1)),
            _ => None,
        });
        Ok(Some(StreamPage {
            stream: stream.clone(),
            events,
            next,
            last_version: Version(last_version),
        }))
    }

    /// One stream's facts.
    pub async fn stream(&self, stream: &StreamName) -> Result<Option<StreamSummary>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(streams::COLUMNS);
        sql.push("(select * from highwater.streams s where s.name = ")
            .push_bind(stream.as_str())
            .push(")")
            .push(streams::ENDS);
        sql.build()
            .fetch_optional(self.pool())
            .await?
            .as_ref()
            .map(streams::summary)
            .transpose()
    }
}
