//! How far read models are behind, and since when.

use std::collections::BTreeMap;

use highwater_model::{Lag, LagPoint, Position};
use jiff::Timestamp as Moment;
use jiff_sqlx::{Timestamp, ToSqlx};

use crate::{Store, StoreError};

/// Matching events are counted up to here.
pub const MATCHING_CAP: i32 = 10_000;

/// The lag of a version at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LagSample {
    /// The version.
    pub version_id: i64,
    /// Its checkpoint.
    pub checkpoint: Position,
    /// Events that it has handled in all.
    pub handled: i64,
    /// How far it is behind.
    pub lag: Lag,
}

pub(super) type Point = (i64, Timestamp, i64, i64, bool, f64, i64);

pub(super) fn point(
    (version_id, at, positions, matching, capped, seconds, handled): Point,
) -> (i64, LagPoint) {
    let lag = Lag {
        positions,
        matching,
        capped,
        seconds,
    };
    let at = at.to_jiff();
    (version_id, LagPoint { at, lag, handled })
}

impl Store {
    /// The lag of every version with tables, or of one read model's.
    pub async fn lag_samples(&self, name: Option<&str>) -> Result<Vec<LagSample>, StoreError> {
        type Row = (i64, i64, i64, i64, i64, bool, f64);
        let rows: Vec<Row> = sqlx::query_as(
            "select p.version_id, p.checkpoint, p.handled, l.positions, l.matching, l.capped, greatest(l.seconds, 0)
             from highwater.read_model_versions v join highwater.read_model_progress p using (version_id) join highwater.read_models m using (read_model_id)
             cross join lateral highwater.lag_of(v.event_patterns, p.checkpoint, $2) l
             where v.role in ('live', 'shadow') and ($1::text is null or m.name = $1) order by p.version_id limit 2000",
        )
        .bind(name)
        .bind(MATCHING_CAP)
        .fetch_all(self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .map(
                |(version_id, checkpoint, handled, positions, matching, capped, seconds)| {
                    LagSample {
                        version_id,
                        checkpoint: Position(checkpoint),
                        handled,
                        lag: Lag {
                            positions,
                            matching,
                            capped,
                            seconds,
                        },
                    }
                },
            )
            .collect())
    }

    /// Seconds that the live version beside this one is behind; none: it does not run.
    pub async fn live_behind(&self, version_id: i64) -> Result<Option<f64>, StoreError> {
        Ok(sqlx::query_scalar(
            "select l.seconds from highwater.read_model_versions v join highwater.read_model_versions o on o.read_model_id = v.read_model_id and o.role = 'live'
             join highwater.read_model_progress p on p.version_id = o.version_id cross join lateral highwater.lag_of(o.event_patterns, p.checkpoint, 1) l
             where v.version_id = $1 and p.state in ('starting', 'catching_up', 'live')",
        )
        .bind(version_id)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Keeps samples of one moment; every ten seconds and every minute the worst of the time before is kept for longer.
    pub async fn keep_lag(&self, at: Moment, samples: &[LagSample]) -> Result<(), StoreError> {
        let of = |value: fn(&LagSample) -> i64| samples.iter().map(value).collect::<Vec<i64>>();
        sqlx::query(
            "insert into highwater.lag_history (version_id, step, at, positions, matching, capped, seconds, handled)
             select s.version_id, 1, date_trunc('second', $1), s.positions, s.matching, s.capped, s.seconds, s.handled
             from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bool[], $6::float8[], $7::bigint[]) s(version_id, positions, matching, capped, seconds, handled)
             join highwater.read_model_versions v using (version_id) on conflict do nothing",
        )
        .bind(at.to_sqlx())
        .bind(of(|sample| sample.version_id))
        .bind(of(|sample| sample.lag.positions))
        .bind(of(|sample| sample.lag.matching))
        .bind(samples.iter().map(|sample| sample.lag.capped).collect::<Vec<bool>>())
        .bind(samples.iter().map(|sample| sample.lag.seconds).collect::<Vec<f64>>())
        .bind(of(|sample| sample.handled))
        .execute(self.pool())
        .await?;
        for (from, step) in [(1, 10), (10, 60)] {
            sqlx::query(
                "insert into highwater.lag_history (version_id, step, at, positions, matching, capped, seconds, handled)
                 select h.version_id, $3, b.at, max(h.positions), max(h.matching), bool_or(h.capped), max(h.seconds), max(h.handled)
                 from (select date_bin(make_interval(secs => $3), $1, 'epoch') - make_interval(secs => $3) as at) b
                 join highwater.lag_history h on h.step = $2 and h.at >= b.at and h.at < b.at + make_interval(secs => $3)
                 group by h.version_id, b.at on conflict do nothing",
            )
            .bind(at.to_sqlx())
            .bind(from)
            .bind(step)
            .execute(self.pool())
            .await?;
        }
        Ok(())
    }

    /// Forgets what is older than each step is kept: 1 s for an hour, 10 s for a day, 1 min for 30 days.
    pub async fn prune_lag(&self) -> Result<(), StoreError> {
        for (step, kept) in [(1, "1 hour"), (10, "1 day"), (60, "30 days")] {
            sqlx::query("delete from highwater.lag_history where step = $1 and at < now() - $2::text::interval")
                .bind(step)
                .bind(kept)
                .execute(self.pool())
                .await?;
        }
        Ok(())
    }

    /// A version's history: of the steps 1, 10 and 60 s the coarsest that is not coarser than asked for; 10,000 points at most.
    pub async fn lag_history(
        &self,
        version_id: i64,
        since: Moment,
        step_s: i64,
    ) -> Result<Vec<LagPoint>, StoreError> {
        let step = match step_s {
            60.. => 60,
            10.. => 10,
            _ => 1,
        };
        let rows: Vec<Point> = sqlx::query_as(
            "select version_id, at, positions, matching, capped, seconds, handled from highwater.lag_history
             where version_id = $1 and step = $2 and at >= $3 order by at limit 10000",
        )
        .bind(version_id)
        .bind(step)
        .bind(since.to_sqlx())
        .fetch_all(self.pool())
        .await?;
        Ok(rows.into_iter().map(|row| point(row).1).collect())
    }

    /// The last half minute of every version.
    pub(super) async fn recent_lag(&self) -> Result<BTreeMap<i64, Vec<LagPoint>>, StoreError> {
        let rows: Vec<Point> = sqlx::query_as(
            "select version_id, at, positions, matching, capped, seconds, handled from highwater.lag_history
             -- What lies further ahead is of a clock that was set back since.
             where step = 1 and at >= now() - interval '30 seconds' and at < now() + interval '1 minute' order by at limit 60000",
        )
        .fetch_all(self.pool())
        .await?;
        let mut found: BTreeMap<i64, Vec<LagPoint>> = BTreeMap::new();
        for (version_id, point) in rows.into_iter().map(point) {
            found.entry(version_id).or_default().push(point);
        }
        Ok(found)
    }
}
