//! What a handler sees of the log: its slice, and one event of it.

use super::owner::quoted;
use super::set_up::CATCH_UP_LIMIT;

/// How the names of streams come beside events. From the outside: who doesn't ask for them doesn't pay for them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Streams {
    /// One by one. The planner takes a slice for as large as it may be, and would read all streams, some 100,000 perhaps, for the few
    /// events that most slices have.
    LookedUp,
    /// As the planner likes best: for many.
    Joined,
}

impl Streams {
    /// What fits slices of so many events at most. To look one up is about a µs.
    fn of(limit: i32) -> Self {
        if limit <= CATCH_UP_LIMIT {
            Self::LookedUp
        } else {
            Self::Joined
        }
    }

    /// Columns of `events` and `event`, and what they need beside `e`.
    fn columns_and_joins(self) -> (String, String) {
        let (name, category, join) = match self {
            Self::LookedUp => (
                "(select s.name from highwater.streams s where s.stream_id = e.stream_id)",
                "(select s.category from highwater.streams s where s.stream_id = e.stream_id)",
                "",
            ),
            Self::Joined => (
                "s.name",
                "s.category",
                "left join highwater.streams s on s.stream_id = e.stream_id",
            ),
        };
        (
            format!(
                "e.position, {name} as stream, {category} as category, e.version, e.event_id as id, k.name as type, e.data, e.metadata,
                 e.correlation_id, e.causation_id, e.occurred_at, e.recorded_at"
            ),
            format!("{join} left join highwater.event_types k on k.type_id = e.type_id"),
        )
    }
}

/// The slice of a version, bounded by its own row, which the owner can't change. The barrier keeps the handler's conditions from being
/// tried on streams and types of other events: what fails there would fail the slice.
pub(super) fn events_view(schema: &str, version_id: i64, limit: i32) -> String {
    events_view_of(schema, Streams::of(limit), &slice_events(version_id, limit))
}

/// The same of other rows of the log.
pub(super) fn events_view_of(schema: &str, streams: Streams, rows: &str) -> String {
    let (columns, joins) = streams.columns_and_joins();
    format!(
        "create or replace view {}.events with (security_barrier) as select {columns} from ({rows}) e {joins};",
        quoted(schema)
    )
}

/// Rows of the log that are in the slice of a version, in order. Each block that has its types is one range of the log's key, what is
/// not counted yet is one more; LIMIT keeps plans right at any size of the log, and the caller's conditions outside.
pub(super) fn slice_events(version_id: i64, limit: i32) -> String {
    slice_events_behind("p.sliced_after", version_id, &limit.to_string())
}

/// The same behind a position, which is an expression that is not before the slice.
pub(super) fn slice_events_behind(after: &str, version_id: i64, limit: &str) -> String {
    format!(
        "select e.* from highwater.read_model_progress p
         cross join lateral (
           select greatest(min(b.first_position), {after} + 1) as first, least(max(b.last_position), p.checkpoint) as last
           from (
             select c.block, c.first_position, c.last_position from highwater.type_counts c
             where c.type_id = any (p.type_ids) and c.block between {after} / 10000 and p.checkpoint / 10000
             union all
             select 9223372036854775807, c.position + 1, p.checkpoint from highwater.counted c where c.position < p.checkpoint
           ) b
           group by b.block order by b.block
         ) b
         cross join lateral (
           select * from highwater.events e where e.position between b.first and b.last and e.type_id = any (p.type_ids) order by e.position
         ) e
         where p.version_id = {version_id} limit {limit}"
    )
}

/// One event of the slice. Which one is a setting that the handler could change, to another event of the slice only; the barrier
/// keeps its conditions from looking at any other.
pub(super) fn event_view(schema: &str, version_id: i64) -> String {
    let (columns, joins) = Streams::LookedUp.columns_and_joins();
    format!(
        "create view {}.event with (security_barrier) as select {columns}
         from highwater.events e {joins}
         where e.position = nullif(current_setting('highwater.event', true), '')::bigint
           and e.position > (select p.sliced_after from highwater.read_model_progress p where p.version_id = {version_id})
           and e.position <= (select p.checkpoint from highwater.read_model_progress p where p.version_id = {version_id})
           and e.type_id = any ((select p.type_ids from highwater.read_model_progress p where p.version_id = {version_id})::int[]);",
        quoted(schema)
    )
}
