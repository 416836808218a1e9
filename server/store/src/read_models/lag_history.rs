//! How far behind read models were, over time: all of them at once, for charts.

use highwater_model::{LagHistory, LagSeries, chart_step_s};
use jiff::Timestamp as Moment;
use jiff_sqlx::{Timestamp, ToSqlx};

use super::lag::point;
use crate::{Store, StoreError};

/// Which part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LagHistoryQuery {
    /// From here on.
    pub since: Moment,
    /// Up to here.
    pub until: Moment,
    /// Seconds between two points; what fits the range unless given.
    pub step_s: Option<i64>,
    /// So many of the worst.
    pub worst: i64,
    /// This one alone.
    pub name: Option<String>,
}

impl LagHistoryQuery {
    /// Seconds between two samples that are read, and between two points that are answered. Samples of 1 s are kept for an hour,
    /// of 10 s for a day, of a minute for 30 days; the coarsest that still gives the answer its points is the least to read.
    fn steps(&self, now: Moment) -> (i64, i64) {
        let seconds = |from: Moment, to: Moment| to.duration_since(from).as_secs();
        let kept = match seconds(self.since, now) {
            ..=3_600 => 1,
            3_601..=86_400 => 10,
            _ => 60,
        };
        let step = self
            .step_s
            .unwrap_or_else(|| chart_step_s(seconds(self.since, self.until)))
            .max(kept);
        let fits = [60, 10, 1]
            .into_iter()
            .find(|sample| step % sample == 0)
            .unwrap_or(1);
        (fits.max(kept), step)
    }
}

/// Name, how many were sampled, version, moment, and the lag there.
type Row = (String, i64, i64, Timestamp, i64, i64, bool, f64, i64);

impl Store {
    /// The live versions that were furthest behind at any moment of a range, each with the worst of each step. One query: it reads
    /// the samples of all of them once (a week of 50 read models is half a million), and answers those of the worst.
    pub async fn lag_histories(&self, query: &LagHistoryQuery) -> Result<LagHistory, StoreError> {
        let now = self.clock().now();
        let (sample, step_s) = query.steps(now);
        let rows: Vec<Row> = sqlx::query_as(
            "with binned as materialized (
               select m.name, v.version_id, date_bin(make_interval(secs => $4), h.at, 'epoch') as at, max(h.positions) as positions,
                      max(h.matching) as matching, bool_or(h.capped) as capped, max(h.seconds) as seconds, max(h.handled) as handled
               from highwater.read_models m join highwater.read_model_versions v on v.read_model_id = m.read_model_id and v.role = 'live'
               join lateral (
                 select * from highwater.lag_history where version_id = v.version_id and step = $3 and at >= $1 and at < $2
                 union all -- what is not summed up yet; a maximum does not mind to see it twice
                 select * from highwater.lag_history where version_id = v.version_id and step = 1 and $3 > 1
                   and at >= greatest($1, $7 - make_interval(secs => 2 * $3)) and at < $2
               ) h on true
               where $6::text is null or m.name = $6 group by 1, 2, 3),
             worst as (select b.name, count(*) over () as sampled from binned b group by b.name order by max(b.seconds) desc, b.name limit $5)
             select b.name, w.sampled, b.version_id, b.at, b.positions, b.matching, b.capped, b.seconds, b.handled
             from worst w join binned b using (name) order by b.name, b.at",
        )
        .bind(query.since.to_sqlx())
        .bind(query.until.to_sqlx())
        .bind(i32::try_from(sample).unwrap_or(60))
        .bind(f64::from(i32::try_from(step_s).unwrap_or(i32::MAX)))
        .bind(query.worst)
        .bind(query.name.as_deref())
        .bind(now.to_sqlx())
        .fetch_all(self.pool())
        .await?;
        let sampled = rows.first().map_or(0, |row| row.1);
        let mut read_models: Vec<LagSeries> = Vec::new();
        for (name, _, version_id, at, positions, matching, capped, seconds, handled) in rows {
            let (_, point) = point((
                version_id, at, positions, matching, capped, seconds, handled,
            ));
            match read_models.last_mut() {
                Some(series) if series.name == name => series.points.push(point),
                _ => read_models.push(LagSeries {
                    name,
                    points: vec![point],
                }),
            }
        }
        Ok(LagHistory {
            since: query.since,
            until: query.until,
            step_s,
            left_out: sampled - i64::try_from(read_models.len()).unwrap_or(sampled),
            read_models,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_kept_is_not_asked_for() {
        let now: Moment = "2026-11-26T12:00:00Z".parse().unwrap();
        let steps = |seconds_ago: i64, step_s| {
            let since = Moment::from_second(now.as_second() - seconds_ago).unwrap();
            let query = LagHistoryQuery {
                since,
                until: now,
                step_s,
                worst: 5,
                name: None,
            };
            query.steps(now)
        };
        assert_eq!(steps(60, None), (1, 1));
        assert_eq!(steps(900, None), (10, 10));
        assert_eq!(steps(3_600, None), (10, 30));
        assert_eq!(steps(21_600, None), (60, 180));
        assert_eq!(steps(604_800, None), (60, 7_200));
        assert_eq!(
            steps(7_200, Some(1)),
            (10, 10),
            "seconds are kept for an hour"
        );
        assert_eq!(steps(200_000, Some(10)), (60, 60), "tens for a day");
    }
}
