//! How many events were recorded when.

use highwater_model::filter::Filter;
use highwater_model::{Bucket, Histogram};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{Postgres, QueryBuilder};

use crate::{Store, StoreError, filter_sql};

/// Events that a filter is asked for one by one; beyond them, the older ones are left out.
const COUNTED: i64 = 500_000;

impl Store {
    /// Counts over time by `recorded_at`: with a filter, of the newest 500,000 events of the range, those that the filter lets through.
    pub async fn histogram(
        &self,
        since: Timestamp,
        until: Timestamp,
        buckets: usize,
        filter: &Filter,
    ) -> Result<Histogram, StoreError> {
        if until <= since {
            return Err(StoreError::BadQuery(
                "until must be later than since".to_owned(),
            ));
        }
        let count = i64::try_from(buckets.clamp(1, 1_000)).unwrap_or(1);
        let span = until.as_microsecond() - since.as_microsecond();
        let step_ms = (span / 1_000 / count).max(1) + i64::from(span % (1_000 * count) != 0);
        // recorded_at never runs backwards along the log, so the range's ends are positions, found by halving.
        if filter.is_empty() {
            return self.histogram_of_all(since, until, step_ms, count).await;
        }
        let last = self.first_position_at(until).await? - 1;
        let first = self.first_position_at(since).await?;
        let from = first.max(last - COUNTED + 1);
        let mut sql =
            QueryBuilder::<Postgres>::new("select floor(extract(epoch from e.recorded_at - ");
        sql.push_bind(since.to_sqlx())
            .push(") * 1000 / ")
            .push_bind(step_ms)
            .push(")::bigint as bucket, count(*) ");
        sql.push(crate::row::FROM)
            .push("where e.position between ")
            .push_bind(from)
            .push(" and ")
            .push_bind(last);
        filter_sql::push(&mut sql, filter, self.clock().now());
        sql.push(" group by 1 order by 1");
        let counts: Vec<(i64, i64)> = sql.build_query_as().fetch_all(self.pool()).await?;
        let mut answer: Vec<Bucket> = (0..count)
            .map(|index| Bucket {
                at: edge(since, index, step_ms, until),
                count: 0,
            })
            .collect();
        for (bucket, events) in counts {
            if let Some(slot) = usize::try_from(bucket)
                .ok()
                .and_then(|bucket| answer.get_mut(bucket))
            {
                slot.count += events;
            }
        }
        Ok(Histogram {
            since,
            until: edge(since, count, step_ms, until),
            step_ms,
            buckets: answer,
            complete: from == first,
        })
    }

    /// Counts of every event. Positions are dense, so a bucket's count is the distance of two of them, however many events there are.
    async fn histogram_of_all(
        &self,
        since: Timestamp,
        until: Timestamp,
        step_ms: i64,
        count: i64,
    ) -> Result<Histogram, StoreError> {
        let edges: Vec<i64> = sqlx::query_scalar(
            "select highwater.first_position_at(least($1 + n * make_interval(secs => $3::float8 / 1000), $2)) from generate_series(0, $4) n order by n",
        )
        .bind(since.to_sqlx())
        .bind(until.to_sqlx())
        .bind(step_ms)
        .bind(count)
        .fetch_all(self.pool())
        .await?;
        let buckets = (0..count)
            .zip(edges.windows(2))
            .map(|(index, edges)| Bucket {
                at: edge(since, index, step_ms, until),
                count: edges[1] - edges[0],
            })
            .collect();
        Ok(Histogram {
            since,
            until: edge(since, count, step_ms, until),
            step_ms,
            buckets,
            complete: true,
        })
    }

    /// The first position that was recorded at this moment or later.
    pub(crate) async fn first_position_at(&self, at: Timestamp) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("select highwater.first_position_at($1)")
            .bind(at.to_sqlx())
            .fetch_one(self.pool())
            .await?)
    }
}

/// Where a bucket begins; beyond the end of time, the last moment that was asked for.
fn edge(since: Timestamp, index: i64, step_ms: i64, until: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(since.as_microsecond() + index * step_ms * 1_000).unwrap_or(until)
}
