//! What the store does with texts before it asks the database, for checks that hand it anything (`server/fuzz`).

use highwater_model::filter::Filter;
use highwater_model::{Limits, ProposedEvent, StreamName};
use jiff::Timestamp;
use sqlx::{Arguments, Execute, Postgres, QueryBuilder};

use crate::{Ids, StoreError, filter_sql, json_check};

/// The condition that a filter becomes, and how many values are bound to it.
pub fn condition(filter: &Filter, now: Timestamp) -> (String, usize) {
    let mut sql = QueryBuilder::<Postgres>::new("");
    filter_sql::push(&mut sql, filter, now);
    let arguments = sql.build().take_arguments().ok().flatten();
    let values = arguments.map_or(0, |arguments| arguments.len());
    (sql.into_string(), values)
}

/// Whether an event could be recorded, as far as that can be told without the database.
///
/// # Errors
/// With why not.
pub fn check_event(
    stream: &StreamName,
    event: ProposedEvent,
    limits: &Limits,
) -> Result<(), StoreError> {
    json_check::check_event(stream, 0, event, limits, Ids).map(drop)
}
