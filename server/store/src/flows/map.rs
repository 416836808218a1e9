//! The flow map: who handles what, and emits what then.

use std::collections::BTreeMap;

use highwater_model::{FlowMap, FlowMapEdge, FlowMapNode, FlowMapPlace, FlowMapType};
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::{Store, StoreError, row};

/// Events that are looked at, the newest of the time that is asked for: each one's cause is one look at an index.
const EVENTS: i64 = 10_000;
/// Kinds of steps that are told of. A system has some dozens; more are of types that are named by chance.
const STEPS: i64 = 2_000;

/// The events, then the cause of each, then what they have in common. `service` is taken when it is a text, as everywhere.
const SQL: &str = "
with recent as materialized (
  select e.event_id, e.position, e.stream_id, e.type_id, e.causation_id, e.recorded_at,
    case when jsonb_typeof(e.metadata->'service') = 'string' then e.metadata->>'service' end as service
  from highwater.events e where e.position between $1 and $2 order by e.position desc limit $3
), steps as (
  select r.service, case when r.service is null then s.category end as category, r.type_id,
    c.service as cause_service, c.category as cause_category, c.type_id as cause_type_id, c.event_id is not null as has_cause,
    count(*) as events, (array_agg(r.event_id order by r.position desc))[1] as newest,
    percentile_disc(0.5) within group (order by c.took) as p50, percentile_disc(0.95) within group (order by c.took) as p95
  from recent r join highwater.streams s using (stream_id)
  left join lateral (
    select c.event_id, c.type_id, q.service, case when q.service is null then cs.category end as category,
      greatest((extract(epoch from r.recorded_at - c.recorded_at) * 1000)::bigint, 0) as took
    from highwater.events c join highwater.streams cs on cs.stream_id = c.stream_id
    cross join lateral (select case when jsonb_typeof(c.metadata->'service') = 'string' then c.metadata->>'service' end as service) q
    where c.event_id = r.causation_id offset 0
  ) c on true
  group by 1, 2, 3, 4, 5, 6, 7
)
select p.*, t.name as type, b.name as cause_type, sum(p.events) over () as looked_at
from (select * from steps order by events desc limit $4) p
join highwater.event_types t on t.type_id = p.type_id left join highwater.event_types b on b.type_id = p.cause_type_id
order by p.events desc, t.name";

impl Store {
    /// What the newest 10,000 events of a range of time tell of who handles what. An event whose cause is not in the log follows from nothing here.
    pub async fn flow_map(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<FlowMap, StoreError> {
        let first = self.first_position_at(since).await?;
        let last = self.first_position_at(until).await? - 1;
        let cut = last - first + 1 > EVENTS;
        let rows = sqlx::query(SQL)
            .bind(first)
            .bind(last)
            .bind(EVENTS)
            .bind(STEPS)
            .fetch_all(self.pool())
            .await?;
        // Rates are of the time in which there was something to be looked at.
        let began = if cut { last - EVENTS + 1 } else { first };
        let since = if cut || first == 1 {
            let at = self.recorded_at(began).await?;
            at.filter(|at| *at < until).unwrap_or(since)
        } else {
            since
        };
        let mut emitted: BTreeMap<FlowMapPlace, BTreeMap<String, i64>> = BTreeMap::new();
        let mut edges = Vec::new();
        for row in &rows {
            let (place, event_type): (_, String) = (place(row, "")?, row.try_get("type")?);
            let events: i64 = row.try_get("events")?;
            let of_type = emitted.entry(place.clone()).or_default();
            *of_type.entry(event_type.clone()).or_default() += events;
            if row.try_get("has_cause")? {
                edges.push(FlowMapEdge {
                    from: self::place(row, "cause_")?,
                    handled: row.try_get("cause_type")?,
                    to: place,
                    emitted: event_type,
                    events,
                    p50_ms: row.try_get("p50")?,
                    p95_ms: row.try_get("p95")?,
                    newest: row.try_get("newest")?,
                });
            }
        }
        Ok(FlowMap {
            since,
            until,
            events: (last - first + 1).clamp(0, EVENTS),
            cut,
            nodes: emitted.into_iter().map(node).collect(),
            edges,
        })
    }

    async fn recorded_at(&self, position: i64) -> Result<Option<Timestamp>, StoreError> {
        let found =
            sqlx::query("select e.recorded_at from highwater.events e where e.position = $1")
                .bind(position)
                .fetch_optional(self.pool())
                .await?;
        found
            .as_ref()
            .map(|found| row::time(found, "recorded_at"))
            .transpose()
    }
}

fn place(row: &PgRow, of: &str) -> Result<FlowMapPlace, StoreError> {
    let service: Option<String> = row.try_get(format!("{of}service").as_str())?;
    Ok(match service {
        Some(name) => FlowMapPlace {
            name,
            is_category: false,
        },
        None => FlowMapPlace {
            name: row.try_get(format!("{of}category").as_str())?,
            is_category: true,
        },
    })
}

fn node((place, types): (FlowMapPlace, BTreeMap<String, i64>)) -> FlowMapNode {
    let mut emits: Vec<FlowMapType> = types
        .into_iter()
        .map(|(event_type, events)| FlowMapType { event_type, events })
        .collect();
    emits.sort_by_key(|one| std::cmp::Reverse(one.events));
    FlowMapNode {
        place,
        events: emits.iter().map(|one| one.events).sum(),
        emits,
    }
}
