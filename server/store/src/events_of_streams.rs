//! Reading those events of the log that are of a few streams which a filter names.

use highwater_model::{Position, RecordedEvent};
use sqlx::{Postgres, QueryBuilder};

use crate::events::push_places;
use crate::{Direction, LogQuery, Store, StoreError, filter_sql, row};

/// A stream and the versions of it that lie between the positions of a page. Positions grow with versions, so each end is found by halving.
const ENDS: &str = "
with recursive wanted(stream_id, versions) as (
  select s.stream_id, (select e.version + 1 from highwater.events e where e.stream_id = s.stream_id order by e.version desc limit 1)
  from highwater.streams s where s.name = any ($1)
), halved(stream_id, place, low, high) as (
  select w.stream_id, p.place, 0::bigint, w.versions from wanted w cross join (values ($2::bigint), ($3::bigint)) p(place)
  union all
  select h.stream_id, h.place, case when m.position < h.place then m.version + 1 else h.low end, case when m.position < h.place then h.high else m.version end
  from halved h cross join lateral (
    select e.position, e.version from highwater.events e where e.stream_id = h.stream_id and e.version = (h.low + h.high) / 2
  ) m where h.low < h.high
) select stream_id, min(low), max(low) - 1 from halved where low = high group by 1 having min(low) < max(low)";

impl Store {
    /// A page of events of these streams: by the index of each stream's versions, which are in the order of positions. Where the rest
    /// of the filter lets most of them through, the page costs the same however long the streams are and wherever in the log they lie.
    pub(crate) async fn read_streams(
        &self,
        query: &LogQuery,
        streams: &[String],
        head: Position,
        wanted: i64,
        now: jiff::Timestamp,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let after = query.after.map_or(0, |after| after.0);
        let before = query.before.map_or(i64::MAX, |before| before.0);
        let found: Vec<(i64, i64, i64)> = sqlx::query_as(ENDS)
            .bind(streams)
            .bind(after.saturating_add(1))
            .bind(before.min(head.0.saturating_add(1)))
            .fetch_all(self.pool())
            .await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = QueryBuilder::<Postgres>::new("select q.* from unnest(");
        sql.push_bind(found.iter().map(|stream| stream.0).collect::<Vec<_>>())
            .push("::bigint[], ")
            .push_bind(found.iter().map(|stream| stream.1).collect::<Vec<_>>())
            .push("::bigint[], ")
            .push_bind(found.iter().map(|stream| stream.2).collect::<Vec<_>>())
            .push("::bigint[]) r(stream_id, low, high) cross join lateral (");
        sql.push(row::COLUMNS).push(row::FROM);
        push_places(&mut sql, query, head);
        sql.push(" and e.stream_id = r.stream_id and e.version between r.low and r.high");
        filter_sql::push(&mut sql, &query.filter, now);
        let (each, all) = match query.direction {
            Direction::Forward => (
                " order by e.version limit ",
                ") q order by q.position limit ",
            ),
            Direction::Backward => (
                " order by e.version desc limit ",
                ") q order by q.position desc limit ",
            ),
        };
        sql.push(each).push_bind(wanted);
        sql.push(all).push_bind(wanted);
        row::events(&sql.build().fetch_all(self.pool()).await?)
    }
}
