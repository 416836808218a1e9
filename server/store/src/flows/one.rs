//! One flow, from its events.

use std::collections::BTreeSet;

use highwater_model::{Flow, FlowEvent, FlowSummary, Position, Version};
use jiff_sqlx::ToSqlx;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{COLUMNS, NAMES, summary};
use crate::{Store, StoreError, row};

/// Events of one flow that are answered at most.
const EVENTS: i64 = 5_000;
/// Causes outside of a flow that are looked up at most.
const OUTSIDE: usize = 1_000;

const EVENT: &str = "select e.event_id, e.position, s.name as stream, e.version, k.name as type, e.causation_id, e.occurred_at, e.recorded_at,
   case when jsonb_typeof(e.metadata->'service') = 'string' then e.metadata->>'service' end as service
 from highwater.events e join highwater.streams s using (stream_id) join highwater.event_types k using (type_id) ";

/// A row as `highwater.flows` would have it, made from the events: true at any moment. `$2` is the flow.
const FROM_EVENTS: &str = " from (
   select g.*, case when r.ends is null or cardinality(r.ends) = 0 then 0 when g.outcome is null then 1 else 2 end::smallint as state
   from (
     select $2::uuid as correlation_id, a.*,
       (select e.type_id from highwater.events e where e.correlation_id = $2 order by e.position limit 1) as kind,
       (select e.type_id from highwater.events e where e.correlation_id = $2 order by e.position desc limit 1) as last_type,
       (select e.type_id from highwater.events e where e.correlation_id = $2 and e.type_id = any (array(
          select t.type_id from highwater.event_types t where t.name = any ((
            select q.ends from highwater.flow_rules q join highwater.event_types b on b.name = q.kind
            where b.type_id = (select i.type_id from highwater.events i where i.correlation_id = $2 order by i.position limit 1))::text[])))
        order by e.position desc limit 1) as outcome
     from (
       select count(*) as events, min(e.position) as first_position, max(e.position) as last_position, min(e.occurred_at) as began_at, max(e.occurred_at) as ended_at
       from highwater.events e where e.correlation_id = $2
     ) a where a.events > 0
   ) g join highwater.event_types n on n.type_id = g.kind left join highwater.flow_rules r on r.kind = n.name
 ) f ";

impl Store {
    /// A flow with its first 5,000 events; none when no event has this correlation id.
    pub async fn flow(&self, correlation_id: Uuid) -> Result<Option<Flow>, StoreError> {
        let Some(summary) = self.flow_summary(correlation_id).await? else {
            return Ok(None);
        };
        let sql = format!("{EVENT} where e.correlation_id = $1 order by e.position limit $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(correlation_id)
            .bind(EVENTS)
            .fetch_all(self.pool())
            .await?;
        let events = rows.iter().map(event).collect::<Result<Vec<_>, _>>()?;
        let inside: BTreeSet<Uuid> = events.iter().map(|event| event.id).collect();
        let causes: BTreeSet<Uuid> = events
            .iter()
            .filter_map(|event| event.caused_by)
            .filter(|cause| !inside.contains(cause))
            .take(OUTSIDE)
            .collect();
        let outside = self
            .events_by_id(&causes.iter().copied().collect::<Vec<_>>())
            .await?;
        let missing = causes
            .into_iter()
            .filter(|cause| outside.iter().all(|event| event.id != *cause))
            .collect();
        let rule = self.flow_rule(&summary.kind).await?;
        Ok(Some(Flow {
            summary,
            rule,
            events,
            outside,
            missing,
        }))
    }

    /// What a flow comes to at this moment.
    pub async fn flow_summary(
        &self,
        correlation_id: Uuid,
    ) -> Result<Option<FlowSummary>, StoreError> {
        let sql = format!("{COLUMNS}{FROM_EVENTS}{NAMES}");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(self.clock().now().to_sqlx())
            .bind(correlation_id)
            .fetch_optional(self.pool())
            .await?
            .as_ref()
            .map(summary)
            .transpose()
    }

    async fn events_by_id(&self, ids: &[Uuid]) -> Result<Vec<FlowEvent>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{EVENT} where e.event_id = any ($1) order by e.position");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(ids)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(event).collect()
    }
}

fn event(row: &PgRow) -> Result<FlowEvent, StoreError> {
    Ok(FlowEvent {
        id: row.try_get("event_id")?,
        position: Position(row.try_get("position")?),
        stream: row::stream(row, "stream")?,
        version: Version(row.try_get("version")?),
        event_type: row.try_get("type")?,
        service: row.try_get("service")?,
        caused_by: row.try_get("causation_id")?,
        occurred_at: row::time(row, "occurred_at")?,
        recorded_at: row::time(row, "recorded_at")?,
    })
}
