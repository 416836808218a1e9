//! A stream's events over time, without their data.

use highwater_model::{EventHead, Position, StreamName, StreamTimeline, Version};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::{Store, StoreError, row};

const COLUMNS: &str =
    "select e.version, e.position, e.event_id, k.name as type, e.occurred_at, e.recorded_at ";
const JOIN: &str = "join highwater.event_types k using (type_id) ";

impl Store {
    /// The events of a stream from one version to another, both inclusive: all, or evenly many of them and the last when there are more
    /// than `marks` (1 to 5,000). None when there is no such stream.
    pub async fn timeline(
        &self,
        stream: &StreamName,
        from: Option<Version>,
        to: Option<Version>,
        marks: i64,
    ) -> Result<Option<StreamTimeline>, StoreError> {
        let Some((stream_id, last)) = self.head_of(stream).await? else {
            return Ok(None);
        };
        let from = from.map_or(0, |version| version.0).clamp(0, last.max(0));
        let to = to
            .map_or(last, |version| version.0)
            .clamp(from, last.max(0));
        let marks = marks.clamp(1, 5_000);
        let every = (to - from + 1).div_euclid(marks) + i64::from((to - from + 1) % marks != 0);
        let every = every.max(1);
        // One probe of the key a mark, however many events lie between them.
        let sql = format!(
            "{COLUMNS} from (select g.version from generate_series($2::bigint, $3, $4) g(version) union select $3) g
             cross join lateral (select * from highwater.events e where e.stream_id = $1 and e.version = g.version limit 1) e
             {JOIN} order by e.version"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(stream_id)
            .bind(from)
            .bind(to)
            .bind(every)
            .fetch_all(self.pool())
            .await?;
        Ok(Some(StreamTimeline {
            stream: stream.clone(),
            from: Version(from),
            to: Version(to),
            last_version: Version(last),
            every,
            marks: rows.iter().map(head).collect::<Result<_, _>>()?,
        }))
    }

    /// Events of a stream by their versions, oldest first; those that are not there are left out.
    pub async fn event_heads(
        &self,
        stream: &StreamName,
        versions: &[Version],
    ) -> Result<Vec<EventHead>, StoreError> {
        let versions: Vec<i64> = versions.iter().map(|version| version.0).collect();
        let sql = format!(
            "{COLUMNS} from unnest($2::bigint[]) g(version)
             cross join lateral (select * from highwater.events e
               where e.stream_id = (select s.stream_id from highwater.streams s where s.name = $1) and e.version = g.version limit 1) e
             {JOIN} order by e.version"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(stream.as_str())
            .bind(versions)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(head).collect()
    }

    /// A stream's id and its newest version.
    pub(crate) async fn head_of(
        &self,
        stream: &StreamName,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        Ok(sqlx::query_as(
            "select s.stream_id, highwater.head(s.stream_id) from highwater.streams s where s.name = $1",
        )
        .bind(stream.as_str())
        .fetch_optional(self.pool())
        .await?)
    }
}

fn head(row: &PgRow) -> Result<EventHead, StoreError> {
    Ok(EventHead {
        version: Version(row.try_get("version")?),
        position: Position(row.try_get("position")?),
        id: row.try_get("event_id")?,
        event_type: row.try_get("type")?,
        occurred_at: row::time(row, "occurred_at")?,
        recorded_at: row::time(row, "recorded_at")?,
    })
}
