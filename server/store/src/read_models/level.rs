//! Bringing a version to a position, inside a transaction that does more.

use sqlx::{AssertSqlSafe, PgConnection};

use super::owner::quoted;
use super::{ReadModelError, SliceError};

/// Events that are handled inside such a transaction at most; whoever is farther behind has to run first.
const AT_ONCE: i64 = 20_000;

/// Handles the events up to a position. The caller holds the version's row, so nobody else moves it.
pub(super) async fn bring_to(
    connection: &mut PgConnection,
    version_id: i64,
    schema: &str,
    position: i64,
) -> Result<(), ReadModelError> {
    let left: i64 = sqlx::query_scalar(
        "select case when p.checkpoint < $2 then highwater.matching_after(v.event_patterns, p.checkpoint) - highwater.matching_after(v.event_patterns, $2) else 0 end
         from highwater.read_model_versions v join highwater.read_model_progress p using (version_id) where v.version_id = $1",
    )
    .bind(version_id)
    .bind(position)
    .fetch_one(&mut *connection)
    .await?;
    if left > AT_ONCE {
        return Err(ReadModelError::Refused(format!(
            "{left} events are to be handled first; try again when it has caught up"
        )));
    }
    loop {
        let moved: Option<i64> = sqlx::query_scalar(
            "with o as (
               select p.checkpoint, p.handled, p.slice_limit, highwater.types_like(v.event_patterns) as types
               from highwater.read_model_progress p join highwater.read_model_versions v using (version_id) where p.version_id = $1 and p.checkpoint < $2
             ), n as (
               select o.*, least(s.upto, $2) as upto from o cross join lateral highwater.next_slice(o.types, o.checkpoint, o.slice_limit, 1000) s
             )
             update highwater.read_model_progress p
             set sliced_after = n.checkpoint, checkpoint = n.upto, type_ids = n.types, moved_at = clock_timestamp(),
               checkpoint_event_id = (select e.event_id from highwater.events e where e.position = n.upto),
               handled = n.handled + (select count(*) from highwater.events e where e.position > n.checkpoint and e.position <= n.upto and e.type_id = any (n.types))
             from n where p.version_id = $1 returning p.handled - n.handled",
        )
        .bind(version_id)
        .bind(position)
        .fetch_optional(&mut *connection)
        .await?;
        match moved {
            None => return Ok(()),
            Some(0) => {}
            Some(_) => {
                let what = format!("an event up to position {position}");
                call_handler(connection, schema, &what).await?;
            }
        }
    }
}

/// Has the handler handle the slice that its row says; what it can't handle is refused, in these words.
pub(super) async fn call_handler(
    connection: &mut PgConnection,
    schema: &str,
    what: &str,
) -> Result<(), ReadModelError> {
    let handled = sqlx::query(AssertSqlSafe(format!("select {}.handle()", quoted(schema))))
        .execute(connection)
        .await;
    let Err(error) = handled else { return Ok(()) };
    Err(match SliceError::from_handler(&error) {
        SliceError::Handler { message, .. } => {
            ReadModelError::Refused(format!("{what} can't be handled: {message}"))
        }
        SliceError::Database(_) => error.into(),
    })
}
