//! Flows: the events of one correlation id, listed, sorted and judged by rules.
//!
//! A list of flows can't be read off the events: which flows are unfinished, or took longest, is known only when all of their events
//! are. So `summarise` keeps a row a flow, beside the appends, and behind them by a second at most; one flow is always read from its
//! events.

mod kinds;
mod list;
mod map;
mod one;
mod rules;
mod summarise;

use highwater_model::{FlowState, FlowSummary, Position};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::{StoreError, row};

pub use list::FlowQuery;
pub(crate) use summarise::summarise;

/// What a summary selects: of `f`, a row of `highwater.flows`, with the names of its types and the rule of its kind. Bind `$1` to now.
const COLUMNS: &str = "select f.correlation_id, k.name as kind, f.state, f.events, f.first_position, f.last_position, f.began_at, f.ended_at,
   l.name as last_type, o.name as outcome, coalesce(f.state = 1 and f.began_at + r.within_ms * interval '1 ms' < $1, false) as late ";
/// Behind the relation `f`.
const NAMES: &str = " join highwater.event_types k on k.type_id = f.kind join highwater.event_types l on l.type_id = f.last_type
   left join highwater.event_types o on o.type_id = f.outcome left join highwater.flow_rules r on r.kind = k.name ";

fn summary(row: &PgRow) -> Result<FlowSummary, StoreError> {
    Ok(FlowSummary {
        correlation_id: row.try_get("correlation_id")?,
        kind: row.try_get("kind")?,
        state: match row.try_get::<i16, _>("state")? {
            2 => FlowState::Finished,
            1 => FlowState::Unfinished,
            _ => FlowState::NoRule,
        },
        late: row.try_get("late")?,
        outcome: row.try_get("outcome")?,
        last_type: row.try_get("last_type")?,
        events: row.try_get("events")?,
        first_position: Position(row.try_get("first_position")?),
        last_position: Position(row.try_get("last_position")?),
        began_at: row::time(row, "began_at")?,
        ended_at: row::time(row, "ended_at")?,
    })
}
