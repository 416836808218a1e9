//! A page of flows.

use highwater_model::filter::Filter;
use highwater_model::{FlowList, FlowOrder, FlowShown, FlowSummary, Position};
use jiff_sqlx::ToSqlx;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Postgres, QueryBuilder};

use super::{COLUMNS, NAMES, summary};
use crate::{Store, StoreError, filter_sql, row, wake};

/// Flows that one page looks through at most: a tenth of a second of sorting.
const LOOKED: i64 = 20_000;
/// The same with a filter line, which reads the events of each: half a second.
const LOOKED_INTO: i64 = 2_000;

/// Which flows.
#[derive(Debug, Clone, Default)]
pub struct FlowQuery {
    /// Only those that begin with this type.
    pub kind: Option<String>,
    /// Only those in this state.
    pub shown: FlowShown,
    /// Only those with an event that the filter lets through.
    pub filter: Filter,
    /// Sorted how.
    pub order: FlowOrder,
    /// `next` of the page before.
    pub cursor: Option<Position>,
    /// How many at most, up to 1,000; 100 when 0.
    pub limit: usize,
}

impl FlowQuery {
    fn limit(&self) -> i64 {
        match self.limit {
            0 => 100,
            limit => i64::try_from(limit.min(1_000)).unwrap_or(1_000),
        }
    }

    fn looked_through(&self) -> i64 {
        if self.filter.is_empty() {
            LOOKED
        } else {
            LOOKED_INTO
        }
    }
}

impl Store {
    /// A page of flows, as far as they are summarised.
    pub async fn flows(&self, query: FlowQuery) -> Result<FlowList, StoreError> {
        let now = self.clock().now();
        let limit = query.limit();
        // Looked up before the flows: what it says is in them then, whatever is summarised meanwhile.
        let head = wake::head(self.pool()).await?;
        let summarised: i64 = sqlx::query_scalar("select position from highwater.flows_summarised")
            .fetch_one(self.pool())
            .await?;
        // The one moment that everything is judged by.
        let mut first = PgArguments::default();
        first
            .add(now.to_sqlx())
            .map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
        let mut sql = QueryBuilder::<Postgres>::with_arguments(COLUMNS, first);
        sql.push(" from (");
        push_candidates(&mut sql, &query);
        sql.push(") f ").push(NAMES).push(" where true");
        if query.shown == FlowShown::Late {
            sql.push(" and f.began_at + r.within_ms * interval '1 ms' < $1");
        }
        if !query.filter.is_empty() {
            sql.push(" and exists (select 1 ")
                .push(row::FROM)
                .push("where e.correlation_id = f.correlation_id");
            filter_sql::push(&mut sql, &query.filter, now);
            sql.push(")");
        }
        sql.push(match query.order {
            FlowOrder::Newest => " order by f.first_position desc limit ",
            FlowOrder::Oldest => " order by f.first_position limit ",
            FlowOrder::Slowest => {
                " order by case when f.state = 1 then $1 else f.ended_at end - f.began_at desc, f.first_position desc limit "
            }
        })
        .push_bind(limit + 1);
        let rows = sql.build().fetch_all(self.pool()).await?;
        let mut flows = rows
            .iter()
            .map(summary)
            .collect::<Result<Vec<FlowSummary>, _>>()?;
        let more = flows.len() as i128 > i128::from(limit);
        if more {
            flows.pop();
        }
        let next = match query.order {
            FlowOrder::Slowest => None,
            _ if more => flows.last().map(|flow| flow.first_position),
            _ => self.behind_candidates(&query).await?,
        };
        Ok(FlowList {
            flows,
            next,
            looked_through: query.looked_through(),
            summarised: Position(summarised),
            head,
        })
    }

    /// Where the flows go on that a page did not look through; none when it has seen the last.
    async fn behind_candidates(&self, query: &FlowQuery) -> Result<Option<Position>, StoreError> {
        let mut sql = QueryBuilder::<Postgres>::new(match query.order {
            FlowOrder::Oldest => "select count(*), max(c.first_position) from (",
            _ => "select count(*), min(c.first_position) from (",
        });
        push_candidates(&mut sql, query);
        sql.push(") c");
        let (count, last): (i64, Option<i64>) = sql.build_query_as().fetch_one(self.pool()).await?;
        Ok(last
            .filter(|_| count == query.looked_through())
            .map(Position))
    }
}

/// The flows that a page looks through, in its order: those of the kind, by the state as far as an index knows it.
fn push_candidates(sql: &mut QueryBuilder<Postgres>, query: &FlowQuery) {
    let unfinished = matches!(query.shown, FlowShown::Unfinished | FlowShown::Late);
    match (&query.kind, unfinished) {
        // Only a kind with a rule has unfinished flows: the ends of a few lists, merged.
        (None, true) => {
            sql.push(
                "select w.* from highwater.flow_rules q join highwater.event_types t on t.name = q.kind
                 cross join lateral (select * from highwater.flows w where w.kind between t.type_id and t.type_id and w.state = 1",
            );
            push_end(sql, query, true);
            sql.push(") w where true");
            push_end(sql, query, false);
        }
        (kind, unfinished) => {
            sql.push("select * from highwater.flows w where true");
            if let Some(kind) = kind {
                let of = "(select t.type_id from highwater.event_types t where t.name = ";
                sql.push(" and w.kind between ")
                    .push(of)
                    .push_bind(kind.clone());
                sql.push(") and ")
                    .push(of)
                    .push_bind(kind.clone())
                    .push(")");
            }
            if unfinished {
                sql.push(" and w.state = 1");
            } else if query.shown == FlowShown::Finished {
                sql.push(" and w.state = 2");
            }
            push_end(sql, query, kind.is_some());
        }
    }
}

/// From the cursor on, in the query's order. Of one kind it is sorted by the kind as well, which is a range to the planner (were it one
/// value, sorting by it would mean nothing): else it might walk all flows by position, past those of other kinds.
fn push_end(sql: &mut QueryBuilder<Postgres>, query: &FlowQuery, of_kind: bool) {
    let ascending = query.order == FlowOrder::Oldest;
    if let Some(cursor) = query.cursor {
        sql.push(if ascending {
            " and w.first_position > "
        } else {
            " and w.first_position < "
        })
        .push_bind(cursor.0);
    }
    sql.push(match (ascending, of_kind) {
        (true, true) => " order by w.kind, w.first_position limit ",
        (true, false) => " order by w.first_position limit ",
        (false, true) => " order by w.kind desc, w.first_position desc limit ",
        (false, false) => " order by w.first_position desc limit ",
    })
    .push_bind(query.looked_through());
}
