//! The kinds of flows, and how long they take.

use highwater_model::{FlowKind, FlowOutcome};
use jiff_sqlx::ToSqlx;
use sqlx::Row as _;
use sqlx::types::Json;

use super::rules;
use crate::{Store, StoreError};

/// Kinds that are told of; a store with more has correlation ids that begin anywhere.
const KINDS: i64 = 100;

/// Each kind by a probe of the index that has them in order; its newest flows; and those that are unfinished, however old. Of kinds as ranges,
/// see `push_end` of the list.
const SQL: &str = "
with recursive found(type_id) as (
  (select f.kind from highwater.flows f order by f.kind limit 1)
  union all
  select (select f.kind from highwater.flows f where f.kind > found.type_id order by f.kind limit 1) from found where found.type_id is not null
), kinds as (select type_id from found where type_id is not null limit $2)
select t.name as kind, s.sample, s.finished, s.p50, s.p95, s.p99, u.unfinished, u.late, s.outcomes,
  r.ends, r.within_ms, r.actor, r.set_at, r.judge_before
from kinds join highwater.event_types t using (type_id)
left join highwater.flow_rules r on r.kind = t.name
cross join lateral (
  select count(*) as sample, count(*) filter (where w.state = 2) as finished,
    percentile_disc(0.5) within group (order by w.took) filter (where w.state <> 1) as p50,
    percentile_disc(0.95) within group (order by w.took) filter (where w.state <> 1) as p95,
    percentile_disc(0.99) within group (order by w.took) filter (where w.state <> 1) as p99,
    (select coalesce(jsonb_agg(jsonb_build_object('type', c.name, 'flows', c.flows) order by c.flows desc, c.name), '[]')
     from (
       select n.name, count(*) as flows
       from (select f.outcome from highwater.flows f where f.kind between kinds.type_id and kinds.type_id order by f.kind desc, f.first_position desc limit 2000) o
       join highwater.event_types n on n.type_id = o.outcome group by 1
     ) c) as outcomes
  from (
    select f.state, (extract(epoch from f.ended_at - f.began_at) * 1000)::bigint as took
    from highwater.flows f where f.kind between kinds.type_id and kinds.type_id order by f.kind desc, f.first_position desc limit 2000
  ) w
) s
cross join lateral (
  select count(*) as unfinished, count(*) filter (where w.began_at + r.within_ms * interval '1 ms' < $1) as late
  from (
    select f.began_at from highwater.flows f where f.kind between kinds.type_id and kinds.type_id and f.state = 1 order by f.kind, f.first_position limit 10000
  ) w
) u
order by s.sample desc, t.name";

/// Flows of a kind that are looked at to say that some are late: the oldest unfinished ones.
const LATE_LOOK: i64 = 1_000;

impl Store {
    /// The kinds of flows that have late ones, and how many of their 1,000 oldest unfinished ones are; the most first. For this the newest
    /// flows are not looked at, as they are for [`Store::flow_kinds`].
    pub async fn late_flows(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(sqlx::query_as(
            "select r.kind, l.late from highwater.flow_rules r join highwater.event_types t on t.name = r.kind
             cross join lateral (
               select count(*) filter (where w.began_at + r.within_ms * interval '1 ms' < $1) as late from (
                 select f.began_at from highwater.flows f where f.kind between t.type_id and t.type_id and f.state = 1 order by f.kind, f.first_position limit $2
               ) w
             ) l
             where r.within_ms is not null and cardinality(r.ends) > 0 and l.late > 0 order by l.late desc, r.kind limit $3",
        )
        .bind(self.clock().now().to_sqlx())
        .bind(LATE_LOOK)
        .bind(KINDS)
        .fetch_all(self.pool())
        .await?)
    }

    /// The kinds of flows with the durations of their newest ones, the most frequent first; 100 kinds at most.
    pub async fn flow_kinds(&self) -> Result<Vec<FlowKind>, StoreError> {
        let rows = sqlx::query(SQL)
            .bind(self.clock().now().to_sqlx())
            .bind(KINDS)
            .fetch_all(self.pool())
            .await?;
        rows.iter()
            .map(|row| {
                let ends: Option<Vec<String>> = row.try_get("ends")?;
                let rule = match ends {
                    Some(ends) => rules::rule((
                        ends,
                        row.try_get("within_ms")?,
                        row.try_get("actor")?,
                        row.try_get("set_at")?,
                        row.try_get("judge_before")?,
                    )),
                    None => None,
                };
                Ok(FlowKind {
                    kind: row.try_get("kind")?,
                    rule,
                    sample: row.try_get("sample")?,
                    finished: row.try_get("finished")?,
                    p50_ms: row.try_get("p50")?,
                    p95_ms: row.try_get("p95")?,
                    p99_ms: row.try_get("p99")?,
                    unfinished: row.try_get("unfinished")?,
                    late: row.try_get("late")?,
                    outcomes: row.try_get::<Json<Vec<FlowOutcome>>, _>("outcomes")?.0,
                })
            })
            .collect()
    }
}
