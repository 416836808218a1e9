//! Going through the log in front of the checkpoint.

use highwater_model::Position;
use highwater_model::filter::Filter;

use super::{DELIVER, SubscriptionError, WINDOW, move_checkpoint};
use crate::{Direction, LogQuery, Store};

/// Events that one look reads when a filter has to see them: each may be a megabyte.
const READ: usize = 250;
/// So much of the window has to be free: a look costs the same for one event as for hundreds.
const ROOM: i64 = 250;

type Row = (i64, String, i64, i64, i64);

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Events that were put into the window.
    pub found: usize,
    /// There is more of the log to look at, and room for it.
    pub more: bool,
}

impl Store {
    /// Puts what matches into the window, when a part of it is free. A filter that matches little is looked for during a second, so the next look
    /// goes on.
    pub async fn look_for_subscription(&self, name: &str) -> Result<Looked, SubscriptionError> {
        let row: Option<Row> = sqlx::query_as(
            "select s.subscription_id, s.filter, s.looked_to, coalesce((select max(position) from highwater.events), 0),
               (select count(*) from (select from highwater.subscription_deliveries d where d.subscription_id = s.subscription_id and d.position > s.checkpoint limit $2) w)
             from highwater.subscriptions s where s.name = $1",
        )
        .bind(name)
        .bind(WINDOW)
        .fetch_optional(self.pool())
        .await?;
        let Some((id, filter, looked_to, head, rows)) = row else {
            return Err(SubscriptionError::Unknown {
                name: name.to_owned(),
            });
        };
        let room = WINDOW - rows;
        if looked_to >= head || room < ROOM {
            return Ok(Looked {
                found: 0,
                more: false,
            });
        }
        let (found, upto) = self.matching_after(&filter, looked_to, head, room).await?;
        let held = self.hold_subscription(name, DELIVER).await?;
        if held.id != id || held.looked_to != looked_to || held.filter != filter {
            // Somebody else has looked, or moved it. Theirs counts.
            return Ok(Looked {
                found: 0,
                more: true,
            });
        }
        let looked = Looked {
            found: found.len(),
            more: upto < head && room - i64::try_from(found.len()).unwrap_or(room) >= ROOM,
        };
        let mut transaction = held.transaction;
        sqlx::query(
            "insert into highwater.subscription_deliveries (subscription_id, position, stream_id)
             select $1, e.position, e.stream_id from highwater.events e where e.position = any ($2)",
        )
        .bind(id)
        .bind(found)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("update highwater.subscriptions set looked_to = $2 where subscription_id = $1")
            .bind(id)
            .bind(upto)
            .execute(&mut *transaction)
            .await?;
        move_checkpoint(&mut transaction, id, 0).await?;
        transaction.commit().await?;
        Ok(looked)
    }

    /// Positions of events that match, and up to where was looked.
    async fn matching_after(
        &self,
        filter: &str,
        after: i64,
        head: i64,
        room: i64,
    ) -> Result<(Vec<i64>, i64), SubscriptionError> {
        let filter = Filter::parse(filter)?;
        if filter.is_empty() {
            let upto = head.min(after.saturating_add(room));
            return Ok(((after + 1..=upto).collect(), upto));
        }
        let query = LogQuery {
            after: Some(Position(after)),
            limit: READ.min(usize::try_from(room).unwrap_or(READ)),
            direction: Direction::Forward,
            filter,
            ..LogQuery::default()
        };
        let page = self.read_log(query).await?;
        let upto = page.next.unwrap_or(page.head).0;
        let found = page.events.iter().map(|event| event.position.0).collect();
        Ok((found, upto))
    }
}
